"""The pure parts of the comparison of collectors: what is counted, and what counts as lost."""

from e2e.collect.compare.losses import covered, doubled, missing_bytes, missing_events, renamed
from e2e.collect.compare.proxy import Request, between, counts, kind, operation
from e2e.collect.compare.report import in_an_hour
from e2e.collect.compare.scene import agent_counters
from e2e.collect.compare.tee import Ring, accepted

NODE = "/ours/cluster-history/raycluster/ml/train/session_1/abcd"


def test_requests_are_counted_by_what_stores_bill():
    assert [operation("PUT", ""), operation("PUT", "x-id=PutObject")] == ["PUT", "PUT"]
    assert operation("POST", "uploads=") == "multipart begin or complete"
    assert operation("PUT", "partNumber=2&uploadId=x") == "multipart part"
    assert operation("DELETE", "uploadId=x") == "multipart abort"
    assert operation("POST", "delete") == "DELETE of many"


def test_kinds_of_objects_are_told_by_their_keys():
    assert kind("/ours/cluster-metadata/raycluster/ml_train/session_1", "") == "marker"
    assert kind(f"{NODE}/ray-history/0199/manifest.json", "") == "manifest"
    assert kind(f"{NODE}/ray-history/0199/logs-0000000001.seg", "") == "segment of logs"
    assert kind(f"{NODE}/ray-history/0199/quarantine-1.jsonl.gz", "") == "quarantine"
    assert kind(f"{NODE}/job_events/01000000/abcd-2026-11-30-03-1.jsonl", "") == "events"
    assert kind(f"{NODE}/node_events/abcd-2026-11-30-03-1.jsonl.gz", "") == "events"
    assert kind(f"{NODE}/logs/events/event_RAYLET.log", "") == "log"
    assert kind(f"{NODE}/logs/", "") == "folder"
    assert kind("/ours/cluster-history/s/fetched_endpoints/restful__nodes%3Fview=summary", "") == "answer"
    assert kind("/ours", "list-type=2&prefix=x") == "list"
    assert kind("/ours", "") == "bucket"


def test_counts_are_of_a_time():
    requests = [Request(at, "PUT", "events", 1, 0, 200) for at in (1, 2, 3)] + [Request(2, "PUT", "log", 1, 0, 200)]
    assert counts(between(requests, 2, 3)) == {"PUT events": 1, "PUT log": 1}
    assert counts(requests) == {"PUT events": 3, "PUT log": 1}


def test_an_hour_is_reckoned_from_a_part_of_it():
    rows = [[at, "PUT", "events", 1, 200] for at in (-5, 10, 310, 320, 900, 950)]
    seen = {"began": 100, "ended": 1000, "nodes": [{"peers": {"ours": {"requests": rows}}}]}
    assert in_an_hour(seen, 0, "ours") == {"PUT events": 3 * 4}, "before the begin and after the end is not counted"
    assert in_an_hour(seen, 0, "ours", after=300) == {"PUT events": 2 * 6}


def test_a_log_is_stored_where_pieces_say_the_same():
    log = b"0123456789"
    assert covered(log, []) == 0
    assert covered(log, [(0, b"0123"), (2, b"2345")]) == 6, "overlaps count once"
    assert covered(log, [(6, b"678"), (0, b"01")]) == 5
    assert covered(log, [(0, b"01x3"), (4, b"4")]) == 1, "another text does not count"
    assert covered(log, [(8, b"89+")]) == 0, "longer than the log: not of this log"


def test_logs_that_are_whole_are_not_named():
    logs = {"a": b"abc", "b": b"abc", "c": b"", "d": b"xy"}
    assert missing_bytes(logs, {"a": [(0, b"abc")], "b": [(0, b"ab")]}) == {"b": 1, "d": 2}


def test_logs_that_ray_moved_count_under_their_last_names():
    stored = {"a.out": [(0, b"ab")], "old/a.out": [(2, b"c")], "b": [(0, b"b")]}
    assert renamed(stored, {"a.out": "old/a.out"}) == {"old/a.out": [(0, b"ab"), (2, b"c")], "b": [(0, b"b")]}


def test_events_are_lost_or_doubled_by_their_ids():
    assert missing_events(["a", "b", "c"], ["c", "a", "z"]) == {"b"}
    assert doubled(["a", "b", "a", "a"]) == 1


def test_a_ring_drops_its_oldest_events_and_not_the_batch_in_flight():
    ring = Ring(3)
    ring.add([b"1", b"2", b"3"])
    assert ring.take() == [b"1", b"2", b"3"]
    ring.add([b"4", b"5", b"6", b"7"])
    assert (ring.dropped, ring.take(), len(ring)) == (1, [b"5", b"6", b"7"], 0)


def test_only_what_ray_would_take_for_one_is_an_acknowledgement():
    assert [accepted(status) for status in (0, 200, 302, 400, 503)] == [False, True, True, False, False]


def test_counters_of_an_agent_are_read_from_its_page():
    page = """# TYPE ray_aggregator_agent_published_events_total counter
ray_aggregator_agent_events_received_total{pid="1",x="}"} 5.0
ray_aggregator_agent_published_events_total{consumer="http_service",pid="1"} 3.0
ray_aggregator_agent_published_events_total{consumer="http_service",pid="2"} 1.0
ray_other_total{} 9.0
"""
    assert agent_counters(page) == {"events_received": 5, "published_events": 4}
