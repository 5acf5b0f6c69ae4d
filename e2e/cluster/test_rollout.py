"""Both replicas are replaced under load, and no request through the Service fails."""

import time

from e2e.cluster import installation
from e2e.harness.load import Load
from e2e.harness.manifests import NAMESPACE


def test_a_rollout_fails_no_request(node, history, stored, measured):
    before = {pod["metadata"]["name"] for pod in installation.running(node, NAMESPACE)}
    paths = ["api/history/v1/sessions", "sessions/", f"{stored.path}/nodes?view=summary", f"{stored.path}/api/v0/tasks"]
    began = time.monotonic()
    with Load(history.get, paths, people=4, pause=0.02) as load:
        node.kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/ray-history-server")
        node.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/ray-history-server", "--timeout=180s")
        # The old pods go on until what they began is answered.
        gone = [f"pod/{name}" for name in before]
        node.kubectl("-n", NAMESPACE, "wait", "--for=delete", *gone, "--timeout=90s")
    measured(f"a rollout of both replicas, {load.answered} requests meanwhile", began)
    assert not load.failed, load.failed[:5]
    assert load.answered > 100
    after = {pod["metadata"]["name"] for pod in installation.running(node, NAMESPACE)}
    assert len(after) == 2
    assert not before & after
