"""Installations from the release's files: `install.yaml`, and the chart's package into another namespace."""

import helm_python
import pytest

from e2e.cluster import installation
from e2e.cluster.node import RELEASE
from e2e.harness import processes
from e2e.harness.manifests import NAMESPACE, RESTRICTED

CHARTED = "charted"


def test_the_files_are_those_of_the_checksums():
    processes.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=RELEASE)


def test_install_yaml_becomes_ready_in_a_restricted_namespace(node, history, stored):
    labels = node.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = installation.running(node, NAMESPACE)
    assert len(pods) == 2
    assert all(
        each["ready"] and each["restartCount"] == 0 for pod in pods for each in pod["status"]["containerStatuses"]
    )
    assert [session["path"].strip("/") for session in history.sessions()] == [stored.path]
    # Nothing that the server wanted was forbidden.
    logs = node.kubectl("-n", NAMESPACE, "logs", "--selector=app.kubernetes.io/component=server", "--tail=-1").stdout
    assert "forbidden" not in logs.lower(), logs


@pytest.mark.usefixtures("history")
def test_install_yaml_applied_again_changes_nothing(node):
    def generations() -> dict[str, int]:
        objects = node.get("deployments,services,poddisruptionbudgets", f"--namespace={NAMESPACE}")["items"]
        return {each["metadata"]["uid"]: each["metadata"].get("generation", 0) for each in objects}

    before = generations()
    printed = node.kubectl("apply", f"--filename={RELEASE / 'install.yaml'}")
    assert "warning" not in printed.stderr.lower()
    assert generations() == before


@pytest.fixture
def charted(node, history):  # noqa: ARG001  the definition is there
    """The chart's package in a namespace of its own, beside the other installation."""
    node.namespace(CHARTED, RESTRICTED)
    (package,) = RELEASE.glob("*.tgz")
    # The definition is there already, and the machine is small.
    values = {"crds": {"install": False}, "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}}}
    with helm_python.Config(kubeconfig_path=node.kubeconfig, namespace=CHARTED) as helm:
        helm.install(package, CHARTED, values)
        yield helm
        helm.uninstall(CHARTED)
    node.kubectl("delete", "namespace", CHARTED)


@pytest.mark.usefixtures("charted")
def test_the_chart_s_package_serves_the_same(node, history):
    installation.configure(node, CHARTED)
    (deployment,) = node.get("deployments", f"--namespace={CHARTED}")["items"]
    name = deployment["metadata"]["name"]
    installation.wait_until_ready(node, CHARTED, name)
    services = [node.service(CHARTED, name), history]
    charted, kustomized = [[(each["path"], each["state"]) for each in of.sessions()] for of in services]
    assert charted == kustomized != []
