"""An installation as in docs/install.md: applied or installed on a real API server, then served by the program.

The API server runs no pods, so the test starts the program as the Deployment says, with its ServiceAccount's token.
"""

import json
import shutil
import time

import helm_python
import pytest
import yaml

from e2e.harness import manifests
from e2e.harness.bundle import MIXED, SESSIONS
from e2e.harness.control_plane import ControlPlane
from e2e.harness.manifests import CHART, CONFIG, NAMESPACE
from e2e.harness.server import Replica

DEFINITION = "rayhistories.history.ray.io"
SERVER = "ray-history-server"


@pytest.fixture
def plane(tmp_path):
    directory = tmp_path / "control-plane"
    directory.mkdir()
    with ControlPlane(directory) as running:
        yield running


@pytest.fixture
def helm(plane):
    plane.namespace(NAMESPACE)
    with helm_python.Config(kubeconfig_path=plane.kubeconfig, namespace=NAMESPACE) as config:
        yield config


def replica(plane, dashboard, tmp_path) -> Replica:
    deployment = plane.get("deployment", SERVER, f"--namespace={NAMESPACE}")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    return Replica(deployment, plane.kubeconfig_of(NAMESPACE, account), tmp_path / "log", dashboard)


def is_ready(plane):
    plane.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "rh/main", "--timeout=60s")


def test_what_kubectl_applies_serves_the_bundled_sessions(plane, bucket, dashboard, tmp_path):
    # Plain apply, which keeps each object whole in an annotation of limited size.
    plane.kubectl("apply", f"--kustomize={CONFIG / 'default'}")
    plane.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}", "--timeout=60s")
    sample = yaml.safe_load((CONFIG / "samples" / "local.yaml").read_text())
    sample["spec"]["storage"]["local"]["path"] = str(bucket)
    with replica(plane, dashboard, tmp_path) as server:
        assert server.get("readyz")[0] == 503
        plane.kubectl("apply", "--filename=-", text=json.dumps(sample))
        is_ready(plane)
        assert server.get("readyz")[0] == 200
        listed = server.json("api/history/v1/sessions")
        assert len(listed["sessions"]) == len(SESSIONS)
        assert server.json(f"{MIXED.path}/nodes?view=summary")["result"]

        columns, row = plane.kubectl("-n", NAMESPACE, "get", "rh").stdout.splitlines()
        assert columns.split()[:2] == ["NAME", "READY"]
        assert row.split()[:2] == ["main", "True"]
        assert f"file://{bucket}" in row
        end = time.monotonic() + 30
        described = plane.kubectl("-n", NAMESPACE, "describe", "rh/main").stdout
        while "no answer yet" in described and time.monotonic() < end:
            described = plane.kubectl("-n", NAMESPACE, "describe", "rh/main").stdout
        # There is no KubeRay here: the status says so, with advice, and nothing fails.
        for text in ["Serving", "Listed", "Applied", "CrdMissing", "install KubeRay's CRDs"]:
            assert text in described, described
        ours = plane.kubectl("get", "ray", "--all-namespaces", "--output=name").stdout
        assert "rayhistory.history.ray.io/main" in ours
        assert "forbidden" not in server.log.read_text().lower()
        # Applied again it changes nothing.
        before = plane.get("deployment,service,rh", f"--namespace={NAMESPACE}")["items"]
        plane.kubectl("apply", f"--kustomize={CONFIG / 'default'}")
        after = plane.get("deployment,service,rh", f"--namespace={NAMESPACE}")["items"]
        assert [each["spec"] for each in before] == [each["spec"] for each in after]


def test_helm_installs_upgrades_and_uninstalls(plane, helm, bucket, dashboard, tmp_path):
    older = tmp_path / "ray-history"
    shutil.copytree(CHART, older)
    file = older / "files" / "history.ray.io_rayhistories.yaml"
    definition = yaml.safe_load(file.read_text())
    del definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["prewarm"]
    file.write_text(yaml.safe_dump(definition))

    def field(name: str) -> bool:
        found = plane.get("crd", DEFINITION)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        return name in found["properties"]["spec"]["properties"]

    helm.install(older, "ray-history")
    plane.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}", "--timeout=60s")
    assert not field("prewarm")

    # The definition is upgraded with the release, and the object can be a part of it from then on.
    spec = {"storage": {"local": {"path": str(bucket)}}}
    helm.upgrade(CHART, "ray-history", {"rayHistory": {"create": True, "spec": spec}})
    assert field("prewarm")
    with replica(plane, dashboard, tmp_path) as server:
        is_ready(plane)
        assert server.json(f"{MIXED.path}/nodes?view=summary")["result"]
        smaller = spec | {"cache": {"maxSessions": 7}}
        helm.upgrade(CHART, "ray-history", {"replicas": 3, "rayHistory": {"create": True, "spec": smaller}})
        assert plane.get("rh", "main", f"--namespace={NAMESPACE}")["spec"]["cache"]["maxSessions"] == 7
        plane.kubectl(
            *("-n", NAMESPACE, "wait", "rh/main", "--for=jsonpath={.status.observedGeneration}=2", "--timeout=60s")
        )
        is_ready(plane)
    assert plane.get("deployment", SERVER, f"--namespace={NAMESPACE}")["spec"]["replicas"] == 3

    helm.rollback("ray-history")
    assert plane.get("deployment", SERVER, f"--namespace={NAMESPACE}")["spec"]["replicas"] == 2
    helm.uninstall("ray-history")
    left = plane.kubectl("-n", NAMESPACE, "get", "deployment,service,rh,role,serviceaccount", "--output=name").stdout
    assert "ray-history" not in left, left
    # Deleting the definition would delete what others have.
    assert plane.get("crd", DEFINITION)["metadata"]["name"] == DEFINITION


def test_helm_installs_the_object_where_the_definition_exists(plane, helm, bucket, dashboard, tmp_path):
    """With rights in a namespace alone, nothing is created outside it."""
    plane.kubectl("apply", f"--filename={CHART / 'files' / 'history.ray.io_rayhistories.yaml'}")
    plane.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}", "--timeout=60s")
    values = {
        "crds": {"install": False},
        "rbac": {"scope": "Namespace"},
        "rayHistory": {"create": True, "spec": {"storage": {"local": {"path": str(bucket)}}}},
    }
    helm.install(CHART, "ray-history", values)
    assert "ray-history" not in plane.kubectl("get", "clusterrole,clusterrolebinding", "--output=name").stdout
    with replica(plane, dashboard, tmp_path) as server:
        is_ready(plane)
        # The bundled sessions are another namespace's, so here they do not exist.
        assert server.json("api/history/v1/sessions")["sessions"] == []
    spec = plane.get("rh", "main", f"--namespace={NAMESPACE}")["spec"]
    assert spec["clusters"]["namespaces"] == [NAMESPACE]


def test_an_identity_of_a_cloud_is_put_on_the_account():
    objects = manifests.rendered(manifests.values(CHART / "ci" / "cloud-identity-values.yaml"))
    (account,) = [each for each in objects if each["kind"] == "ServiceAccount"]
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    assert "azure.workload.identity/client-id" in account["metadata"]["annotations"]
    assert deployment["spec"]["template"]["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]
