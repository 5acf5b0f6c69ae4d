"""Clusters that end in the middle of their work, or with it: what their collectors prove, and that all of it is shown.

The collector is a native sidecar and the hook is on Ray's container, as the component of `config/collector` has it.
"""

import contextlib
import datetime as dt
import time

import pytest

from e2e.cluster import rayjobs, runs
from e2e.cluster.node import wait_for
from e2e.cluster.runs import Run

FLUSH_SECONDS = 2
"""The longest time from the end of a task to its event at Ray's agent: a process flushes once a second."""
RAYLET_SECONDS = 2
"""The promised time from the last proof to the end of Ray's own, where it went on after the hook."""


@pytest.fixture(autouse=True)
def nothing_left(node):
    yield
    rayjobs.delete_all(node, rayjobs.NAMESPACE)


def test_a_rayjob_that_ends_and_is_deleted(rays, history, measured):
    """The cluster goes with the job, and the RayJob is deleted at once."""
    job = rayjobs.rayjob(
        "done", worker=rayjobs.WORKER, program="ok", shutdownAfterJobFinishes=True, ttlSecondsAfterFinished=0
    )
    run = runs.collected(rays, history, job)
    run.end()
    assert run.status["jobStatus"] == "SUCCEEDED"
    began = time.monotonic()
    run.delete("rayjob")
    run.without_pods()
    measured("done: from the end of the RayJob to the end of its pods", began)
    report = run.proved()
    assert verdict(report) == "complete", report["proof"]
    assert report["proof"]["nodes"] == 2
    tasks = [(task["name"], task["state"]) for task in run.rows("tasks")]
    assert tasks.count(("square", "FINISHED")) == 20
    assert tasks.count(("broken", "FAILED")) == 1
    assert {f"square of {number}" for number in range(20)} <= set(run.lines("worker-"))
    assert "sum: 2470" in run.lines("job-driver-")


def in_the_middle(rays, history, name: str) -> Run:
    """Starts a RayJob without an end, and waits until it has worked for some time."""
    run = runs.collected(rays, history, rayjobs.rayjob(name, worker=rayjobs.WORKER, program="steps"))
    run.ask_one_replica()

    def works() -> bool:
        # Until something of both nodes is stored, nothing can be listed.
        with contextlib.suppress(AssertionError):
            return len(done(run)) > 40
        return False

    wait_for(f"work of {name}", works, 180)
    return run


def done(run: Run) -> dict[int, float]:
    """The steps that the driver's log has, and when each was done."""
    lines = [line.split() for line in run.lines("job-driver-")]
    return {int(line[1]): float(line[2]) for line in lines if line[0] == "done" and len(line) == 3}


def verdict(report: dict) -> str:
    return report["completeness"]


@pytest.mark.parametrize("how", ["deleted", "drained"])
def test_a_cluster_that_ends_in_the_middle_of_its_work(rays, history, measured, how):
    run = in_the_middle(rays, history, how)
    before, began = len(done(run)), time.monotonic()
    if how == "deleted":
        run.delete("rayjob")
        run.without_pods()
    else:
        drain(rays, run)
    measured(f"{how}: from the request to the end of its pods", began)
    wait_for("dead", lambda: run.item["state"] == "dead", 60)
    report = run.proved()
    proved = dt.datetime.fromisoformat(report["completeTo"]).timestamp()
    assert verdict(report) in ("complete", "complete-to"), report["proof"]
    assert not report["proof"]["losses"], report["proof"]

    steps = done(run)
    assert list(steps) == list(range(len(steps))), "the driver's log is whole"
    assert len(steps) >= before
    assert {f"step {number}" for number in steps} <= set(run.lines("worker-")), "the workers' logs are whole"
    finished = [task["state"] for task in run.rows("tasks") if task["name"] == "step"].count("FINISHED")
    assert finished >= len([at for at in steps.values() if at < proved - FLUSH_SECONDS])
    assert max(steps.values()) - proved < RAYLET_SECONDS, report["proof"]


def drain(node, run: Run):
    """Drains the node of the cluster's pods, deletes the RayJob, and lets the node take pods again."""
    name = node.get("nodes")["items"][0]["metadata"]["name"]
    selector = f"--pod-selector=ray.io/cluster={run.cluster}"
    try:
        node.kubectl("drain", name, selector, "--delete-emptydir-data", "--force", "--timeout=120s")
    finally:
        run.delete("rayjob")
        node.kubectl("uncordon", name)
    run.without_pods()
