"""KubeRay's operator adds the collector: the image of its `collectorOptions` is ours, and nothing else is said."""

import pytest

from e2e.cluster import rayjobs, runs
from e2e.harness.ray_pods import COLLECTOR

NAMESPACE = "operated"
"""Without Pod Security: the operator gives its container no security context."""


@pytest.fixture
def operated(node, collector):  # noqa: ARG001  the image is there
    """The namespace. Where the operator does not know the options, `conftest.py` leaves this file out."""
    node.namespace(NAMESPACE)
    node.apply(rayjobs.programs(NAMESPACE))
    yield node
    rayjobs.delete_all(node, NAMESPACE)


def test_the_image_of_collector_options_may_be_ours(operated, history):
    job = rayjobs.rayjob("ok", namespace=NAMESPACE, worker=rayjobs.WORKER)
    parameters, keys = rayjobs.variables(NAMESPACE)
    image = parameters["data"].pop("image")
    env = [{"name": name, "value": value} for name, value in (parameters["data"] | keys["stringData"]).items()]
    cluster = job["spec"]["rayClusterSpec"]
    cluster["historyServerOptions"] = {"collectorOptions": {"image": image, "env": env}}
    run = runs.start(operated, history, job)
    pods = operated.get("pods", f"--namespace={NAMESPACE}", f"--selector=ray.io/cluster={run.cluster}")["items"]
    assert [pod["spec"]["containers"][-1]["name"] for pod in pods] == [COLLECTOR] * 2
    assert (run.item["owner"]["kind"], run.item["owner"]["name"]) == ("rayjob", "ok")
    run.end()
    run.delete("rayjob")
    run.without_pods()
    report = run.proved()
    # It is told to end at the same time as Ray, without a hook.
    assert report["completeness"] in ("complete", "complete-to"), report["proof"]
    assert report["proof"]["nodes"] == 2
    assert [task["state"] for task in run.rows("tasks") if task["name"] == "square"] == ["FINISHED"] * 20
