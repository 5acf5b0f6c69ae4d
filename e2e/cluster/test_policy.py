"""The admission policies of the chart: a RayJob without a word on collecting, in a namespace that asks for it."""

import helm_python
import pytest

from e2e.cluster import rayjobs, runs
from e2e.cluster.node import RELEASE, wait_for
from e2e.harness.manifests import RESTRICTED
from e2e.harness.ray_pods import COLLECTOR, OWNER

NAMESPACE = "asks"
BETA = "admissionregistration.k8s.io/v1beta1"
"""Of Kubernetes 1.35."""


@pytest.fixture(scope="module")
def asked(node, history, collector):  # noqa: ARG001  the definition and the image are there
    """A namespace with the label, and a release of the chart with the policies and without a server."""
    parameters, keys = rayjobs.variables(NAMESPACE)
    variables = {name: value for name, value in parameters["data"].items() if name != "image"}
    node.namespace(NAMESPACE, RESTRICTED | {"ray-history-collect": "enabled"})
    node.apply(rayjobs.programs(NAMESPACE), keys)
    values = {
        "replicas": 0,
        "crds": {"install": False},
        "collector": {
            "policy": {"enabled": True, "apiVersion": BETA},
            "namespaces": [NAMESPACE],
            "variables": variables,
        },
    }
    (package,) = RELEASE.glob("*.tgz")
    with helm_python.Config(kubeconfig_path=node.kubeconfig, namespace=NAMESPACE) as helm:
        helm.install(package, "collect", values)
        # Each is in force at its own time.
        wait_for("the policy of collectors", lambda: COLLECTOR in added(node), 60)
        wait_for("the policy of owners", lambda: set(OWNER) <= labelled(node), 60)
        yield node
        rayjobs.delete_all(node, NAMESPACE)
        helm.uninstall("collect")


def added(node) -> list[str]:
    """The init containers that a Ray pod would get."""
    metadata = {"name": "tried", "namespace": NAMESPACE, "labels": {"ray.io/is-ray-node": "yes"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **rayjobs.WORKER}
    return [each["name"] for each in node.tried(pod)["spec"].get("initContainers", [])]


def labelled(node) -> set[str]:
    """The labels that the head of a RayJob's RayCluster would get."""
    labels = dict(zip(OWNER, ("RayJob", "tried"), strict=True))
    metadata = {"name": "tried", "namespace": NAMESPACE, "labels": labels}
    spec = rayjobs.rayjob("tried")["spec"]["rayClusterSpec"]
    cluster = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": metadata, "spec": spec}
    template = node.tried(cluster)["spec"]["headGroupSpec"]["template"]
    return set(template.get("metadata", {}).get("labels", {}))


def test_a_rayjob_of_a_namespace_that_asks_has_collectors(asked, history):
    job = rayjobs.rayjob("ok", namespace=NAMESPACE, worker=rayjobs.WORKER)
    run = runs.start(asked, history, job)
    pods = asked.get("pods", f"--namespace={NAMESPACE}", f"--selector=ray.io/cluster={run.cluster}")["items"]
    assert len(pods) == 2
    for pod in pods:
        # KubeRay's own init container of a worker waits for the head.
        assert pod["spec"]["initContainers"][-1]["name"] == COLLECTOR
        assert [pod["metadata"]["labels"][name] for name in OWNER] == ["RayJob", "ok"]
    assert (run.item["owner"]["kind"], run.item["owner"]["name"]) == ("rayjob", "ok")
    run.end()
    assert run.status["jobStatus"] == "SUCCEEDED"
    run.delete("rayjob")
    run.without_pods()
    report = run.proved()
    assert report["completeness"] == "complete", report["proof"]
    assert report["proof"]["nodes"] == 2
    assert run.session.startswith(f"sessions/{NAMESPACE}/")
