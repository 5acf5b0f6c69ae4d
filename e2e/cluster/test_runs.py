"""Runs of real RayJobs: one that succeeds, one that fails, one whose worker takes too much memory.

While each runs its session is live; once its RayCluster is deleted, all that is known of it is shown, at once.
"""

import datetime as dt
import time

import pytest

from e2e.cluster import installation, rayjobs, runs
from e2e.cluster.node import wait_for
from e2e.cluster.runs import STORED_SECONDS, Run
from e2e.harness import manifests
from e2e.harness.ingress import Ingress

DEAD_SECONDS = 2
"""The promised time from a deletion to the list that shows it."""
COUNTED_SECONDS = 300
"""Agents are asked every minute, new ones more often; a manifest is put within 165 s, and the server reads it then."""
ACCEPTED_SECONDS = 5
"""The longest time from the start of a task to its event at the collector."""


@pytest.fixture(scope="module", autouse=True)
def nothing_left(node):
    """Nothing that a failure left behind takes the room of the next tests."""
    yield
    rayjobs.delete_all(node, rayjobs.NAMESPACE)


def end(run: Run, measured):
    """Waits for the end of a RayJob, and deletes its cluster."""
    assert (run.item["state"], run.item["owner"]["name"]) == ("live", run.name)
    run.end()
    began = time.monotonic()
    run.delete("raycluster")
    wait_for("dead", lambda: run.item["state"] == "dead", 60)
    seconds = measured(f"{run.name}: from the deletion of its RayCluster to dead in the list", began)
    assert seconds <= DEAD_SECONDS
    run.without_pods()


@pytest.fixture(scope="module")
def once(rays, history):
    """Runs each RayJob once."""
    started = {}

    def of(rayjob: dict, measured) -> Run:
        name = rayjob["metadata"]["name"]
        if name not in started:
            began = time.monotonic()
            started[name] = runs.collected(rays, history, rayjob)
            measured(f"{name}: from the RayJob to its live session in the list", began)
            end(started[name], measured)
        return started[name]

    return of


def test_a_rayjob_that_succeeds(once, measured):
    run = once(rayjobs.OK, measured)
    assert (run.status["jobDeploymentStatus"], run.status["jobStatus"]) == ("Complete", "SUCCEEDED")

    def counts() -> dict:
        tasks = [(task["name"], task["state"]) for task in run.rows("tasks")]
        return {each: tasks.count(each) for each in set(tasks)}

    wanted = {("square", "FINISHED"): 20, ("broken", "FAILED"): 1}
    began = time.monotonic()
    wait_for("all tasks", lambda: wanted.items() <= counts().items(), STORED_SECONDS)
    measured("ok: from the end of its pods to all of its tasks", began)
    assert ("Counter", "counter") in [(actor["class_name"], actor["name"]) for actor in run.rows("actors")]
    (job,) = [each for each in run.history.json(f"{run.session}/api/jobs/") if each["type"] == "SUBMISSION"]
    assert job["status"] == "SUCCEEDED"
    nodes = run.history.json(f"{run.session}/nodes?view=summary")["data"]["summary"]
    assert len(nodes) == 2


def test_the_dashboard_of_a_dead_session(once, measured):
    run = once(rayjobs.OK, measured)
    status, kind, body = run.history.get(f"{run.session}/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"static/js/main." in body
    (head,) = [node["node_id"] for node in run.rows("nodes") if node["is_head_node"]]
    names = run.logs(head)
    assert {"raylet.out", "gcs_server.out"} <= set(names)
    (driver,) = [name for name in names if name.startswith("job-driver-")]
    assert "sum: 2470" in run.log(head, driver)


def test_the_dashboard_behind_nginx(once, node, measured, tmp_path):
    """As an Ingress controller sets it up: the replicas' own addresses, a prefix, TLS."""
    run = once(rayjobs.OK, measured)
    pods = installation.running(node, manifests.NAMESPACE)
    with Ingress(tmp_path, "/ray", *(f"http://{pod['status']['podIP']}:8080" for pod in pods)) as ingress:
        status, headers, body = ingress.get(f"/{run.session}/")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert b"static/js/main." in body
        assert ingress.get(f"/{run.session}/api/v0/tasks?limit=1")[0] == 200
        status, headers, _ = ingress.get(f"/rayjobs/{run.namespace}/ok/latest/nodes?view=summary")
        assert status == 200


def test_its_end_is_told_in_events_and_in_the_status(once, node, measured):
    run = once(rayjobs.OK, measured)

    def about(kind: str) -> list[dict]:
        selector = f"--field-selector=reason=SessionEnded,involvedObject.kind={kind}"
        return node.get("events", "--all-namespaces", selector)["items"]

    wait_for("an Event on the RayHistory", lambda: about("RayHistory"), 60)
    told = [each["involvedObject"]["name"] for each in about("RayJob") if run.session in each["message"]]
    assert told == ["ok"]

    def status() -> dict:
        return node.get("rh", "main", f"--namespace={manifests.NAMESPACE}")["status"]

    listed = [session["state"] for session in run.history.sessions()]
    counts = {"dead": listed.count("dead"), "live": 0, "total": len(listed)}
    wait_for("the counts of sessions", lambda: counts.items() <= status()["sessions"].items(), 60)
    conditions = {each["type"]: each["status"] for each in status()["conditions"]}
    assert conditions["Ready"] == conditions["ClustersWatched"] == "True"


def test_a_rayjob_that_fails(once, measured):
    run = once(rayjobs.FAIL, measured)
    assert (run.status["jobDeploymentStatus"], run.status["reason"]) == ("Failed", "AppFailed")

    def failed() -> bool:
        jobs = run.history.json(f"{run.session}/api/jobs/")
        tasks = [task["state"] for task in run.rows("tasks") if task["name"] == "broken"]
        return [job["status"] for job in jobs if job["type"] == "SUBMISSION"] == ["FAILED"] and tasks == ["FAILED"]

    wait_for("its failure", failed, STORED_SECONDS)


def counted(run: Run, nodes: int, after: float = 0):
    """Waits until Ray's counters of that many nodes were read: for a node that was never asked nothing is proved.

    An agent that was asked before its first event counts as asked, too, until a manifest has that event: all manifests
    are from `after`, or later.
    """

    def proved() -> bool:
        proof = run.report.get("proof", {})
        told = [dt.datetime.fromisoformat(limit["to"]).timestamp() for limit in proof.get("limits", [])]
        return proof.get("nodes") == nodes and not proof["doubts"] and all(at > after for at in told)

    wait_for(f"the counters of {nodes} nodes of {run.name}", proved, COUNTED_SECONDS)


def test_a_rayjob_whose_worker_takes_too_much_memory(rays, history, measured):
    run = runs.collected(rays, history, rayjobs.OOM)
    run.ask_one_replica()
    assert run.item["state"] == "live"

    def fills() -> list[dict]:
        return [task for task in run.rows("tasks") if task["name"] == "fill"]

    def states() -> list[str]:
        return [task["state"] for task in fills()]

    wait_for("the first stored data", run.has_data, COUNTED_SECONDS)
    wait_for("the running task", lambda: states() == ["RUNNING"], COUNTED_SECONDS)
    counted(run, 2, after=fills()[0]["start_time_ms"] / 1000 + ACCEPTED_SECONDS)
    run.in_worker("touch", "/tmp/fill")  # noqa: S108  the container's own
    run.end()
    # The node that was killed, and the one in its place, which gets no work and counts no event.
    counted(run, 3)
    end(run, measured)
    assert (run.status["jobDeploymentStatus"], run.status["reason"]) == ("Failed", "AppFailed")
    wait_for("the failed task", lambda: states() == ["FAILED"], STORED_SECONDS)
    assert [job["status"] for job in run.history.json(f"{run.session}/api/jobs/") if job["type"] == "SUBMISSION"] == [
        "FAILED"
    ]
    report = run.proved()
    assert report["proof"]["nodes"] == 3
    assert not report["proof"]["doubts"]
    assert report["completeness"] in ("complete", "complete-to", "gaps"), report["proof"]
    # An event may have been on its way to the collector, and nothing else.
    assert {loss["code"] for loss in report["proof"]["losses"]} <= {"dropped-events"}, report["proof"]
    assert ":task_name:fill" in run.lines("worker-")
