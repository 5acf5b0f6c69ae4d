"""The node goes down and comes back: all pods end at once, and start again by themselves."""

import time

from e2e.cluster import installation
from e2e.cluster.node import wait_for
from e2e.harness import processes
from e2e.harness.manifests import NAMESPACE
from e2e.harness.processes import REPOSITORY

RESTART = REPOSITORY / "e2e" / "cluster" / "restart-node"


def restarts(node) -> list[int]:
    pods = installation.running(node, NAMESPACE)
    return [each["restartCount"] for pod in pods for each in pod["status"]["containerStatuses"]]


def ready(node) -> bool:
    """Whether both replicas have started anew, and are ready."""
    pods = installation.running(node, NAMESPACE)
    states = [each for pod in pods for each in pod["status"]["containerStatuses"]]
    return len(states) == 2 and all(each["ready"] and each["restartCount"] > 0 for each in states)


def test_the_server_comes_back_with_its_node(node, history, measured):
    listed = [session["path"] for session in history.sessions()]
    assert restarts(node) == [0, 0]
    processes.run([RESTART], timeout=180)
    began = time.monotonic()
    wait_for("both replicas", lambda: ready(node), 240)
    installation.wait_until_ready(node, NAMESPACE, "ray-history-server")
    measured("from the node's start to a ready server", began)
    wait_for("the list", lambda: [session["path"] for session in history.sessions()] == listed, 60)
    assert history.get("readyz")[0] == 200
