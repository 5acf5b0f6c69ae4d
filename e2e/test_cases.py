"""Inputs of public reports that once failed: each costs itself alone, and every answer is strict JSON."""

import asyncio
import json
import urllib.request

import pytest
from ray.job_submission import JobSubmissionClient

from e2e.harness import bundle
from e2e.harness.server import Server

SESSION = "sessions/team/c/session_2026-11-22_23-11-33_821800_1"
TASK = "67a2e8cfa5a06db0ffffffffffffffffffffffff02000000"
QUESTIONS = [
    "events",
    "nodes?view=summary",
    "logical/actors",
    "timezone",
    "api/version",
    "api/jobs/",
    "api/actors/kill",
    "api/serve/applications/",
    "api/data/datasets/02000000",
    "api/v0/actors?detail=1",
    "api/v0/actors/summarize",
    "api/v0/cluster_events?detail=1",
    "api/v0/cluster_metadata",
    "api/v0/jobs?detail=1",
    "api/v0/nodes?detail=1",
    "api/v0/placement_groups?detail=1",
    "api/v0/runtime_envs?detail=1",
    "api/v0/tasks?detail=1",
    "api/v0/tasks/summarize",
    "api/v0/tasks/summarize?summary_by=lineage",
    "api/v0/tasks/timeline",
    "api/v0/workers?detail=1",
]
STATUS = {"api/actors/kill": 404}
"""The status of questions that are not answered with 200."""


def strict(body):
    """Parses JSON as RFC 8259 has it; Python by itself accepts NaN."""

    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")

    return json.loads(body, parse_constant=refuse)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return bundle.extract(bundle.FIXTURES / "cases.tar.gz", tmp_path_factory.mktemp("cases"))


@pytest.fixture
def case(request, cases, tmp_path):
    """A server of the store that the parameter names."""
    with Server(cases / request.param / "storage", tmp_path / "log") as server:
        yield server


def of(name):
    return pytest.mark.parametrize("case", [name], indirect=True)


def ask(server, question):
    status, _, body = server.get(f"{SESSION}/{question}")
    assert status == 200, f"{question}: {status} {body[:300]!r}"
    return strict(body)


def rows(server, question):
    return ask(server, question)["data"]["result"]["result"]


def report(server):
    return server.json(f"api/history/v1/{SESSION}")


NAMES = sorted({entry.split("/")[0] for entry in bundle.names(bundle.FIXTURES / "cases.tar.gz")})


@pytest.mark.parametrize("case", NAMES, indirect=True)
def test_every_answer_is_strict_json(case):
    for question in QUESTIONS:
        status, kind, body = case.get(f"{SESSION}/{question}")
        assert status == STATUS.get(question, 200), f"{question}: {status} {body[:300]!r}"
        if "json" in (kind or ""):
            strict(body)


@of("base64-escaped-slash")
def test_ids_are_read_with_their_slashes_escaped(case):
    assert (len(rows(case, "api/v0/tasks")), len(rows(case, "api/v0/nodes"))) == (1, 1)
    assert report(case)["report"]["damagedRecords"]["count"] == 0


@of("deep-nesting")
def test_documents_are_read_as_deep_as_python_reads_them(case):
    events = [row for group in ask(case, "events")["data"]["events"].values() for row in group]
    assert len(events) == 2
    assert all(events)
    assert [job["runtime_env"] != {} for job in ask(case, "api/jobs/")] == [True]
    assert "n" in [span["name"] for span in ask(case, "api/v0/tasks/timeline") if span["ph"] == "X"]
    assert list(ask(case, "api/serve/applications/")["applications"]) == ["a"]


@of("endpoint-gzip-bom")
def test_stored_answers_are_recognised_by_content(case):
    assert ask(case, "api/v0/cluster_metadata")["data"]["rayVersion"] == "2.60.0"
    assert ask(case, "timezone")["offset"] == "+05:30"


@of("endpoint-infinity")
def test_a_number_that_json_cannot_hold_costs_itself(case):
    assert list(ask(case, "api/serve/applications/")["applications"]) == ["a"]


@of("event-null-row")
def test_no_row_of_the_events_page_is_null(case):
    events = [row for group in ask(case, "events")["data"]["events"].values() for row in group]
    assert (len(events), all(events)) == (2, True)
    assert "Started a ray job caf\ufffd." in [row["message"] for row in events]


@of("extradata-not-json")
def test_extra_data_that_is_no_json_is_text(case):
    tasks = [task["profiling_data"] for task in rows(case, "api/v0/tasks?detail=1")]
    spans = [event for profile in tasks for event in profile.get("events", [])]
    assert "not json" in [span["extra_data"] for span in spans]


@of("extradata-private-use")
def test_no_character_of_extra_data_stands_for_something_else(case):
    notes = [span["args"].get("note") for span in ask(case, "api/v0/tasks/timeline")]
    assert "\ue001 icon" in notes


@of("timeline-extra-data-details")
def test_extra_data_is_as_it_was_sent(case):
    spans = [span for span in ask(case, "api/v0/tasks/timeline") if span["ph"] == "X"]
    assert spans[0]["name"] == ""
    assert spans[1]["args"]["big"] == 12345678901234567890123


@of("metadata-keys-nonascii")
def test_keys_of_metadata_are_decoded(case):
    assert ask(case, "api/jobs/")[0]["metadata"] == {"团队": "ml", "a&b": "<x>"}


@of("nonfinite-resources")
def test_resources_that_are_not_finite_are_named(case):
    found = [row["required_resources"] for row in rows(case, "api/v0/tasks?detail=1")]
    assert {"CPU": "Infinity"} in found


@of("polled-jobs-odd-types")
def test_a_row_of_a_stored_answer_is_not_lost_for_one_odd_field(case):
    found = {job["submission_id"] for job in ask(case, "api/jobs/") if job["submission_id"]}
    assert found == {"ok", "nullmeta", "intmeta", "float"}


@of("redaction-referer-origin")
def test_secrets_are_hidden_from_all_that_ray_calls_a_browser(case):
    hidden = b"not-for-browsers"
    for question in [
        "api/jobs/",
        "api/v0/jobs?detail=1",
        "api/v0/tasks?detail=1",
        "api/v0/actors?detail=1",
        "api/v0/runtime_envs?detail=1",
        "api/serve/applications/",
    ]:
        for name in ["Referer", "Origin"]:
            request = urllib.request.Request(f"{case.url}/{SESSION}/{question}", headers={name: "http://x/"})
            with urllib.request.urlopen(request) as answer:
                assert hidden not in answer.read(), question


@of("submission-event-metadata")
def test_metadata_of_submission_events_is_shown(case):
    assert [job["metadata"] for job in ask(case, "api/jobs/") if job["submission_id"] == "s-1"] == [{"team": "ml"}]


@of("torn-line")
def test_a_torn_write_costs_its_own_record(case):
    assert "after" in [row["name"] for row in rows(case, "api/v0/tasks")]
    assert report(case)["report"]["damagedRecords"]["count"] == 1


@of("two-error-fragments")
def test_errors_are_merged_field_by_field_as_protobuf_does(case):
    (task,) = rows(case, "api/v0/tasks?detail=1")
    assert (task["error_type"], task["error_message"]) == ("OUT_OF_MEMORY", "killed for memory")


@of("version-empty")
def test_clients_get_a_version_that_they_can_compare(case):
    major, minor, _ = ask(case, "api/version")["ray_version"].split(".")
    assert (int(major), int(minor)) >= (2, 8)


@of("gcsft-two-heads")
def test_at_most_one_head_lives(case):
    raylets = [row["raylet"] for row in ask(case, "nodes?view=summary")["data"]["summary"]]
    heads = {raylet["nodeId"]: raylet["state"] for raylet in raylets}
    assert sorted(heads.values()) == ["ALIVE", "DEAD"]
    assert next(node for node, state in heads.items() if state == "ALIVE").startswith("775fef0a")


@of("task-log-rotated")
def test_a_task_s_output_is_found_where_it_was_rotated_to(case):
    status, _, body = case.get(f"{SESSION}/api/v0/logs/file?task_id={TASK}&suffix=out")
    assert status == 200
    assert b"hello task" in body


@of("clock-skew")
def test_a_wrong_clock_does_not_move_the_end(case):
    with urllib.request.urlopen(f"{case.url}/{SESSION}/nodes?view=summary") as answer:
        headers = answer.headers
    assert headers["X-Ray-History-As-Of"].startswith("2026-11-22T")
    assert [gap["code"] for gap in report(case)["gaps"] if gap["code"] == "skewed-events"] == ["skewed-events"]


@of("filter-not-equal-absent")
def test_a_filter_fits_no_row_that_has_no_such_key(case):
    query = "api/v0/tasks?filter_keys=error_type&filter_predicates=%21%3D&filter_values=X"
    assert ask(case, query)["data"]["result"]["num_filtered"] == 2


@of("foreign-node-ghost")
def test_a_node_of_another_session_is_not_shown(case):
    nodes = ask(case, "nodes?view=summary")["data"]["summary"]
    assert [node["ip"] for node in nodes] == ["10.0.0.1"]
    assert [node["node_ip"] for node in rows(case, "api/v0/nodes")] == ["10.0.0.1"]
    assert report(case)["report"]["foreignEvents"] == 2


@of("submission-id-slash")
def test_a_submission_with_a_slash_is_found_everywhere(case):
    log = ask(case, "api/jobs/team%2Fa/logs")["logs"]
    status, _, file = case.get(f"{SESSION}/api/v0/logs/file?submission_id=team%2Fa")
    assert (status, file.decode()) == (200, log)
    with urllib.request.urlopen(f"{case.url}/submissions/team/team%2Fa") as answer:
        assert SESSION in answer.url


@of("job-logs-follow")
def test_a_log_is_followed_to_its_end(case):
    stored = ask(case, "api/jobs/raysubmit_a/logs")["logs"]
    client = JobSubmissionClient(f"{case.url}/{SESSION}")

    async def follow():
        return "".join([lines async for lines in client.tail_job_logs("raysubmit_a")])

    assert asyncio.run(follow()) == stored
    assert stored
    status, _, body = case.get(f"{SESSION}/api/jobs/raysubmit_a/logs/tail")
    assert (status, b"WebSockets alone" in body) == (400, True)
