"""A collector beside a real Ray that ends with the hook, by a signal to both, or by being killed; events Ray drops."""

import json
import re
import sys
from datetime import datetime
from pathlib import Path

import pytest

from e2e.collect.stored import Stored
from e2e.harness import processes
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import COLLECTOR, Server

RAY = Path(sys.executable).parent / "ray"
SCENE_SECONDS = 240
FLUSH_SECONDS = 10
MANIFEST_SECONDS = 70
"""The interval of manifests while something changes, and that of looks at it."""


def play(folder: Path, end: str, ray: Path = RAY) -> tuple[dict, Stored]:
    """Plays a scene, and returns what was seen and what is stored of the head."""
    command = [sys.executable, "-m", "e2e.collect.scene", "--collector", COLLECTOR, "--ray", ray, "--into", folder]
    try:
        processes.run([*command, "--end", end], timeout=SCENE_SECONDS, cwd=REPOSITORY)
    except AssertionError as failure:
        logs = "\n".join(log.read_text() for log in sorted(folder.glob("*/collector.log")))
        raise AssertionError(f"{failure}\n{logs}") from None
    seen = json.loads((folder / "ended.json").read_text())
    return seen, Stored(folder / "bucket", seen["session"], seen["nodes"][0])


def time_of(text: str) -> float:
    """Returns a time in seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def report(stored: Stored, log: Path) -> dict:
    """Returns what the server says of the session."""
    with Server(stored.bucket, log) as server:
        return server.json(f"api/history/v1/sessions/ml/train/{stored.session}")


@pytest.fixture(scope="module")
def hooked(tmp_path_factory):
    return play(tmp_path_factory.mktemp("hook"), "hook")


def test_it_runs_without_trouble_and_ends_in_time(hooked):
    seen, _ = hooked
    assert (seen["status"], seen["exit"]) == ("SUCCEEDED", 0)
    assert seen["health"] == "ok\n"
    assert seen["drain seconds"] < 10
    assert seen["end seconds"] < 25


def test_all_that_ray_sent_is_stored(hooked):
    _, stored = hooked
    manifest, events = stored.manifest, stored.events()
    assert (manifest["state"], manifest["reason"]) == ("closed", "pod ended")
    assert len(events) == manifest["events"]["records"]
    assert manifest["events"]["quarantined"] == 0
    assert sum(agent["published"] for agent in manifest["ray"]) <= len(events)
    names = [event.get("eventId") for event in events]
    assert len(names) == len(set(names)), "no event twice"
    assert {event["sessionName"] for event in events} == {stored.session}


def test_the_counters_of_ray_prove_it_up_to_the_end(hooked):
    """Between the hook and its end Ray may send a little more: then the last scrape is the time of the proof."""
    _, stored = hooked
    (agent,) = stored.manifest["ray"]
    assert agent["received"] == agent["published"] + agent["filtered"]
    assert agent["dropped"] == {}
    late = stored.manifest["events"]["records"] - agent["published"]
    assert agent["quiet"] == (late == 0)
    assert late <= 50


def test_the_digest_is_that_of_the_sealed_objects(hooked):
    _, stored = hooked
    sealed = stored.manifest["events"]["sealed"]
    growing = {row["key"]: row["size"] for row in stored.manifest["events"]["growing"]}
    files = [file for file in stored.event_files() if str(file.relative_to(stored.prefix)) not in growing]
    assert (sealed["objects"], sealed["digest"]) == (len(files), stored.digest(files))
    assert sealed["bytes"] == sum(file.stat().st_size for file in files)


def test_logs_are_whole(hooked):
    _, stored = hooked
    logs = stored.logs()
    assert {"raylet.out", "gcs_server.out", "dashboard.log", "monitor.log"} <= set(logs)
    assert any(path.startswith("worker-") and size > 0 for path, size in logs.items())
    assert any(path.startswith("job-driver-") for path in logs)
    assert stored.manifest["logs"]["lost"] == []


def test_the_collector_leaves_no_lines_in_ray_s_logs(hooked):
    """A raylet writes a line for each connection that ends; it makes some of its own when it starts."""
    _, stored = hooked
    log = (stored.prefix / "logs" / "raylet.out").read_text()
    assert log.count("disconnect message from an unregistered client") <= 5


def test_the_dashboards_answers_are_stored(hooked):
    _, stored = hooked
    answers = stored.endpoints()
    (job,) = [job for job in json.loads(answers["api/jobs"]) if job["submission_id"]]
    assert job["status"] == "SUCCEEDED"
    assert {"timezone", "api/v0/cluster_metadata", "nodes?view=summary"} <= set(answers)
    assert not [url for url in answers if url.startswith(("api/serve", "api/data", "api/train"))]
    assert {url.strip("/") for url in stored.manifest["endpoints"]} == set(answers)


def test_the_session_has_a_marker(hooked):
    _, stored = hooked
    (marker,) = stored.bucket.glob(f"cluster-metadata/raycluster/*/{stored.session}")
    assert marker.stat().st_size == 0


@pytest.mark.parametrize("end", ["signal", "kill"])
def test_without_the_hook_nothing_acknowledged_is_lost(tmp_path, end):
    seen, stored = play(tmp_path, end)
    manifest = stored.manifest
    assert (seen["exit"], manifest["state"]) == (0, "closed")
    assert len(stored.events()) == manifest["events"]["records"]
    # Killed Rays are not asked any more, so events may have come after the last look.
    assert sum(agent["published"] for agent in manifest["ray"]) <= manifest["events"]["records"]
    assert {"raylet.out", "gcs_server.out"} <= set(stored.logs())


def test_the_server_proves_the_session(hooked, tmp_path):
    """Complete, or complete to a time: that of the last look at Ray's counters, if an event came after it."""
    seen, stored = hooked
    found = report(stored, tmp_path / "log")
    quiet = stored.manifest["ray"][0]["quiet"]
    assert found["completeness"] == ("complete" if quiet else "complete-to"), found["proof"]
    if not quiet:
        (limit,) = found["proof"]["limits"]
        assert limit["seconds"] <= 2
        assert seen["ray ended"] - time_of(found["completeTo"]) <= 2


def test_what_ray_drops_is_told_by_type_as_ray_counts_it(tmp_path):
    seen, stored = play(tmp_path, "dropped")
    assert sum(seen["dropped"].values()) > 100
    found = report(stored, tmp_path / "log")
    losses = found["proof"]["losses"]
    assert {loss["code"] for loss in losses} == {"dropped-events"}, losses
    told = {re.search(r"[A-Z]+(_[A-Z]+)+", loss["message"])[0]: loss["missing"] for loss in losses}
    assert (found["completeness"], told) == ("gaps", seen["dropped"])
    # Nothing else is missing.
    (agent,) = stored.manifest["ray"]
    assert agent["received"] == agent["published"] + agent["filtered"] + sum(seen["dropped"].values())
    assert len(stored.events()) >= agent["published"]
