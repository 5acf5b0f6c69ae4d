"""Gaps of real sessions that exporters left: each has a code, a weight, and advice."""

import gzip
import json
import shutil

import pytest

from e2e.harness import bundle
from e2e.harness.exporters import NOTHING, OPERATOR, RAY, filtered
from e2e.harness.server import Server

ALL = {"mixed": bundle.MIXED, "service": bundle.SERVICE, "hard-2.60": bundle.HARD_260}
KUBE = {
    "oom-head 1": "default/oom-head-r5jhz/session_2026-11-29_08-59-35_648634_1",
    "oom-head 2": "default/oom-head-r5jhz/session_2026-11-29_08-59-59_921943_1",
    "oom-head 3": "default/oom-head-r5jhz/session_2026-11-29_09-00-32_715867_1",
    "deadline": "default/deadline-pqrp7/session_2026-11-29_09-01-32_108109_1",
    "oom": "default/oom-pgcdg/session_2026-11-29_09-03-26_382234_1",
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return bundle.unpack(tmp_path_factory.mktemp("recordings"), bundle.RECORDINGS)


@pytest.fixture(scope="module")
def kube(tmp_path_factory):
    """A server of the five sessions of a real cluster."""
    folder = bundle.extract(bundle.KUBE, tmp_path_factory.mktemp("kube"))
    with Server(folder / "storage", folder / "log") as server:
        yield server


def report(server, session):
    return server.json(f"api/history/v1/{session}")


def judged(bucket, session, log):
    with Server(bucket, log) as server:
        found = report(server, session.path)
        status, _, _ = server.get(f"{session.path}/api/v0/tasks")
        assert status == 200
    assert (found["completeness"] == "gaps") == bool(found["gaps"])
    assert found["missing"] == [gap["message"] for gap in found["gaps"]]
    return found


def codes(found):
    return [gap["code"] for gap in found["gaps"]]


@pytest.mark.parametrize("name", ALL)
def test_a_recording_with_every_type_has_no_known_gaps(recordings, tmp_path, name):
    session = ALL[name]
    found = judged(session.storage(recordings), session, tmp_path / "log")
    assert (codes(found), found["completeness"]) == ([], "no-known-gaps")
    assert found["report"]["unknownFields"] == {}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("keeps", "expected"),
    [
        (OPERATOR, ("worker-events", "part")),
        (RAY, ("task-profile-events", "kind")),
        (NOTHING, ("no-events", "everything")),
    ],
    ids=["operator", "ray", "nothing"],
)
def test_each_exporter_s_default_list_has_its_gap(recordings, tmp_path, name, keeps, expected):
    session = ALL[name]
    bucket = filtered(session.storage(recordings), tmp_path / "bucket", keeps)
    found = judged(bucket, session, tmp_path / "log")
    assert [(gap["code"], gap["weight"]) for gap in found["gaps"]] == [expected], found["gaps"]
    assert "ALL" in found["gaps"][0]["advice"]


@pytest.mark.parametrize("kind", sorted(OPERATOR | RAY))
def test_every_type_that_is_left_out_alone_is_named(recordings, tmp_path, kind):
    bucket = filtered(bundle.MIXED.storage(recordings), tmp_path / "bucket", (OPERATOR | RAY) - {kind})
    found = judged(bucket, bundle.MIXED, tmp_path / "log")
    assert any(kind in gap["eventTypes"] for gap in found["gaps"]), found["gaps"]


def test_an_empty_event_file_is_a_gap(recordings, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(bundle.MIXED.storage(recordings), bucket)
    empty = min(bucket.glob("**/job_events/**/*.jsonl*"))
    empty.write_bytes(b"")
    found = judged(bucket, bundle.MIXED, tmp_path / "log")
    assert "empty-event-files" in codes(found)
    # As empty, with a few bytes of gzip around it.
    empty.write_bytes(gzip.compress(b""))
    found = judged(bucket, bundle.MIXED, tmp_path / "log")
    assert "empty-event-files" in codes(found)
    for file in bucket.glob("**/*_events/**/*.jsonl*"):
        file.write_bytes(b"")
    found = judged(bucket, bundle.MIXED, tmp_path / "log")
    assert (codes(found), found["gaps"][0]["weight"]) == (["empty-event-files"], "everything")


def test_ray_2_57_cannot_export_workers(recordings, tmp_path):
    found = judged(bundle.DAY.storage(recordings), bundle.DAY, tmp_path / "log")
    assert codes(found) == ["worker-events"]
    assert found["gaps"][0]["message"].startswith("Ray 2.57 cannot export workers and their exits: 26 of 26 workers")


def test_sessions_of_a_real_cluster_report_gaps_and_their_end(kube):
    expected = {
        "oom-head 1": ["worker-events", "end-not-recorded"],
        "oom-head 2": ["worker-events", "end-not-recorded"],
        "oom-head 3": ["worker-events", "end-not-recorded"],
        "deadline": ["worker-events"],
        "oom": ["worker-events", "nodes-without-logs"],
    }
    reports = {name: report(kube, f"sessions/{path}") for name, path in KUBE.items()}
    assert {name: codes(found) for name, found in reports.items()} == expected
    noticed = {name: found["report"] for name, found in reports.items()}
    running = {name: found["runningAtEnd"] for name, found in noticed.items()}
    # The deadline's head was asked to stop, so running work is a fact and no gap.
    assert (noticed["deadline"]["stopped"], running["deadline"]["submissions"], running["deadline"]["workers"]) == (
        True,
        1,
        2,
    )
    assert all(running[name]["submissions"] == 1 for name in expected if name != "oom")
    assert (running["oom"]["submissions"], noticed["oom"]["stopped"]) == (0, True)


def test_an_unfinished_job_is_not_running_once_its_cluster_ended(kube):
    """Its message says that it was running when the cluster ended."""
    said = {}
    for name, path in KUBE.items():
        [job] = kube.json(f"sessions/{path}/api/jobs/")
        said[name] = (job["status"], job["message"])
    over = ("RUNNING", "Job was running when its cluster ended.")
    # Nothing stored says that the cluster of the last of the three is gone.
    running = ("RUNNING", "Job is currently running.")
    assert said["oom-head 1"] == said["oom-head 2"] == said["deadline"] == over
    assert (said["oom-head 3"], said["oom"][0]) == (running, "FAILED")


@pytest.mark.parametrize("session", [bundle.DAY, bundle.HARD_260, bundle.HARD_255], ids=lambda session: session.name)
def test_the_log_of_an_attempt_whose_worker_died_is_found(recordings, tmp_path, session):
    storage = session.storage(recordings)
    stored = {file.name for file in storage.glob("**/logs/worker-*.out")}
    with Server(storage, tmp_path / "log") as server:
        rows = server.json(f"{session.path}/api/v0/tasks?detail=1&limit=10000")["data"]["result"]["result"]
        died = [r for r in rows if r["error_type"] == "WORKER_DIED" and r["type"] != "ACTOR_TASK" and r["worker_id"]]
        died = [r for r in died if any(r["worker_id"] in name for name in stored)]
        assert len(died) > 5
        for row in died:
            assert row["task_log_info"]["stdout_file"].rsplit("/", 1)[1] in stored, json.dumps(row)
            question = f"task_id={row['task_id']}&attempt_number={row['attempt_number']}&lines=-1"
            status, _, body = server.get(f"{session.path}/api/v0/logs/file?{question}")
            assert status == 200, (row, body)
