"""Ray's own command line, pointed at a dead session by its URL."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from e2e.harness import processes
from e2e.harness.bundle import MIXED, SERVICE

RAY = Path(sys.executable).parent / "ray"


@pytest.fixture(scope="module")
def ray(server):
    """Runs a command of Ray's against the session, and returns its output."""
    own = {"RAY_COLOR_MODE": "0", "COLUMNS": "200"}

    def run(*arguments, succeeds=True):
        command = [str(RAY), *arguments, "--address", f"{server.url}/{MIXED.path}"]
        done = processes.run(command, own=own, succeeds=succeeds)
        return done.stdout + done.stderr if not succeeds else done.stdout

    return run


@pytest.fixture(scope="module")
def live(unpacked):
    """Returns the rows of a list of the live cluster."""
    return lambda question: MIXED.answer(unpacked, question)["data"]["result"]["result"]


LISTS = {
    "tasks": ("/api/v0/tasks?detail=1&limit=10000", ["task_id", "attempt_number"]),
    "actors": ("/api/v0/actors", ["actor_id"]),
    "nodes": ("/api/v0/nodes", ["node_id"]),
    "jobs": ("/api/v0/jobs", ["submission_id", "job_id"]),
    "workers": ("/api/v0/workers", ["worker_id"]),
    "placement-groups": ("/api/v0/placement_groups", ["placement_group_id"]),
    "runtime-envs": ("/api/v0/runtime_envs", ["node_id"]),
}


@pytest.mark.parametrize("resource", LISTS)
def test_ray_list_gives_the_rows_of_the_live_cluster(ray, live, resource):
    question, ids = LISTS[resource]
    here = json.loads(ray("list", resource, "--format", "json", "--limit", "10000"))

    def identities(rows):
        return Counter(tuple(str(row[i]) for i in ids) for row in rows)

    missing = identities(live(question)) - identities(here)
    assert not missing
    # The cluster went on for a moment after the question was recorded.
    assert len(here) <= len(live(question)) * 1.01


def test_ray_list_prints_a_table(ray):
    printed = ray("list", "nodes")
    assert "Total: 3" in printed
    assert "127.0.0.3" in printed


def test_ray_list_filters_on_the_server(ray, live):
    rows = json.loads(ray("list", "tasks", "-f", "state=failed", "--format", "json", "--limit", "10000"))
    assert {row["state"] for row in rows} == {"FAILED"}
    failed = [row for row in live("/api/v0/tasks?detail=1&limit=10000") if row["state"] == "FAILED"]
    assert len(rows) == len(failed)


def test_ray_list_objects_finds_none_and_does_not_fail(ray):
    assert "No resource in the cluster" in ray("list", "objects")


def test_ray_get_shows_one_task(ray, live):
    task = next(t for t in live("/api/v0/tasks?detail=1&limit=10000") if t["state"] == "FAILED")
    printed = ray("get", "tasks", task["task_id"])
    assert task["task_id"] in printed
    assert "state: FAILED" in printed
    assert task["error_type"] in printed


def test_ray_get_shows_one_actor(ray, live):
    actor = next(a for a in live("/api/v0/actors?detail=1&limit=10000") if a["state"] == "DEAD")
    printed = ray("get", "actors", actor["actor_id"])
    assert f"class_name: {actor['class_name']}" in printed
    assert "state: DEAD" in printed


def test_ray_get_shows_one_node(ray, live):
    node = next(n for n in live("/api/v0/nodes") if n["state"] == "DEAD")
    assert node["state_message"][:40] in ray("get", "nodes", node["node_id"])


def test_the_environment_can_name_the_session(server):
    own = {"RAY_API_SERVER_ADDRESS": f"{server.url}/{MIXED.path}"}
    printed = processes.run([RAY, "list", "nodes"], own=own).stdout
    assert "Total: 3" in printed


def test_ray_get_of_an_unknown_id_says_so(ray):
    assert "not found" in ray("get", "actors", "0" * 32)


def test_ray_summary_counts_tasks(ray):
    printed = ray("summary", "tasks")
    assert "total_actor_scheduled:" in printed
    assert "FINISHED:" in printed


def test_ray_summary_counts_actors(ray, live):
    assert f"total_actors: {len(live('/api/v0/actors'))}" in ray("summary", "actors")


def test_ray_summary_of_objects_counts_none(ray):
    assert "total_objects: 0" in ray("summary", "objects")


NAMES = [
    "rayservices/ml-serving/recsys",
    "rayclusters/ml-serving/recsys-raycluster-9d4kq",
    "submissions/ml-serving/serve-deploy",
    "sessions/ml-serving/recsys-raycluster-9d4kq",
]


COMMANDS = {
    "list": ["list", "tasks", "-f", "state=FINISHED", "--format", "json", "--limit", "3"],
    "summary": ["summary", "actors"],
    "logs": ["job", "logs", "serve-deploy"],
}


def lines(server, address: str, command: str) -> list[str]:
    """Returns the output of a command, without lines that have the time or the address."""
    printed = processes.run([RAY, *COMMANDS[command], "--address", f"{server.url}/{address}"]).stdout
    return [line for line in printed.splitlines() if not re.match(r"=|\d{4}-", line)]


@pytest.fixture(scope="module")
def by_session(server) -> dict[str, list[str]]:
    """The output of each command for the session's own address."""
    return {command: lines(server, SERVICE.path, command) for command in COMMANDS}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_an_owner_or_cluster_is_an_address(server, by_session, name):
    """Ray's client follows redirects, so a name of the newest session gives the answers of that session."""
    for command, expected in by_session.items():
        assert lines(server, f"{name}/latest", command) == expected != []
    stop = [RAY, "job", "stop", "serve-deploy", "--address", f"{server.url}/{name}/latest"]
    refused = processes.run(stop, succeeds=False)
    assert "405" in refused.stdout + refused.stderr


def test_ray_job_list_names_every_submission(ray):
    printed = ray("job", "list")
    for job in ["capture-sub-1", "capture-sub-2", "capture-sub-3", "capture-fail-1", "capture-fault"]:
        assert f"submission_id='{job}'" in printed


def test_ray_job_status_tells_success_from_failure(ray):
    assert "Job 'capture-sub-1' succeeded" in ray("job", "status", "capture-sub-1")
    assert "Job 'capture-fail-1' failed" in ray("job", "status", "capture-fail-1")


def test_ray_job_status_of_an_unknown_job_fails(ray):
    assert "does not exist" in ray("job", "status", "nope", succeeds=False)


def test_ray_job_logs_prints_the_driver_s_output(ray):
    printed = ray("job", "logs", "capture-sub-1")
    assert "driver stdout hello" in printed
    assert "driver stderr hello" in printed
