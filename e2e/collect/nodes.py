"""Collectors of several nodes, of raylets and sessions one after the other, and of older Rays. `make collect-nodes`."""

import pytest

from e2e.collect.stored import Stored
from e2e.collect.test_real_ray import FLUSH_SECONDS, MANIFEST_SECONDS, play, report, time_of
from e2e.harness.rays import ray_of
from e2e.harness.server import Server


def test_of_three_nodes_the_lost_one_limits_the_verdict(tmp_path):
    """One node is lost with its collector in the middle of work, one ends before the head, both with more to send."""
    seen, head = play(tmp_path, "several")
    lost, early = (Stored(head.bucket, head.session, node) for node in seen["nodes"][1:])
    assert [seen["exit"], seen["early"]["exit"]] == [0, 0]
    for stored in (head, early):
        manifest = stored.manifest
        assert (manifest["state"], manifest["reason"]) == ("closed", "pod ended")
        assert len(stored.events()) == manifest["events"]["records"]
        assert any(path.startswith("worker-") and size > 0 for path, size in stored.logs().items())
    assert lost.manifest["state"] == "open"
    # What was acknowledged ten seconds before is stored.
    latest = max(time_of(event["timestamp"]) for event in lost.events())
    assert 0 <= seen["lost at"] - latest <= FLUSH_SECONDS + 2
    found = report(head, tmp_path / "log")
    assert found["proof"]["losses"] == found["proof"]["doubts"] == [], found["proof"]
    limits = {limit["node"]: limit for limit in found["proof"]["limits"]}
    assert limits[lost.node]["seconds"] == FLUSH_SECONDS
    assert seen["lost at"] - time_of(limits[lost.node]["to"]) <= MANIFEST_SECONDS
    for node in limits.keys() - {lost.node}:
        assert limits[node]["seconds"] <= 2, limits


def test_raylets_and_sessions_follow_each_other_beside_one_collector(tmp_path):
    seen, last = play(tmp_path, "restarted")
    first = seen["first"]["session"]
    assert (seen["exit"], seen["early"]["exit"], seen["third"]) == (0, 0, "SUCCEEDED")
    assert first != last.session
    reasons = {}
    for session, nodes in {
        first: [*seen["first"]["nodes"], seen["second raylet"]],
        last.session: seen["nodes"],
    }.items():
        for node in nodes:
            manifest = Stored(last.bucket, session, node).manifest
            assert manifest["state"] == "closed", (session, node)
            assert len(Stored(last.bucket, session, node).events()) == manifest["events"]["records"]
            reasons[node] = manifest["reason"]
    head, worker = seen["first"]["nodes"]
    assert reasons == {
        head: "session ended",
        worker: "raylet restarted",
        seen["second raylet"]: "session ended",
        **dict.fromkeys(seen["nodes"], "pod ended"),
    }
    with Server(last.bucket, tmp_path / "log") as server:
        found = {
            session: server.json(f"api/history/v1/sessions/ml/train/{session}") for session in (first, last.session)
        }
    for session in found.values():
        assert session["completeness"] in ("complete", "complete-to"), session


@pytest.mark.parametrize("version", ["2.55.1", "2.52.1"])
def test_older_rays_are_proved_as_far_as_they_count(version, tmp_path):
    seen, stored = play(tmp_path, "hook", ray_of(version))
    assert (seen["status"], seen["exit"], seen["health"]) == ("SUCCEEDED", 0, "ok\n")
    manifest = stored.manifest
    assert len(stored.events()) == manifest["events"]["records"]
    (agent,) = manifest["ray"]
    assert agent["received"] == agent["published"] + agent["filtered"]
    assert agent["published"] <= manifest["events"]["records"] <= agent["published"] + 50
    found = report(stored, tmp_path / "log")
    assert found["proof"]["losses"] == found["proof"]["doubts"] == [], found["proof"]
