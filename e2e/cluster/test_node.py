"""The node is a real one: pods, logs, exec, a Service by its name, and four kinds of trouble."""

import json

import pytest

from e2e.cluster.node import wait_for
from e2e.harness.processes import REPOSITORY

BASICS = REPOSITORY / "e2e" / "cluster" / "manifests" / "basics.yaml"
NAMESPACE = "basics"
PYTHON = "import ssl, sys, urllib.request as u; print(u.urlopen(sys.argv[1], context={context}).read().decode())"
TRUSTING = "ssl.create_default_context(cafile='/var/run/secrets/kubernetes.io/serviceaccount/ca.crt')"
TROUBLES = [
    ("pod/greedy", "{.status.containerStatuses[0].state.terminated.reason}", "OOMKilled"),
    ("events", "{.items[?(@.involvedObject.name=='no-image')].message}", "ErrImagePull"),
    ("pod/evicted", "{.status.reason}", "Evicted"),
    ("pod/too-big", "{.status.conditions[0].reason}", "Unschedulable"),
]


@pytest.fixture(scope="module")
def basics(node):
    """Two web servers, and four pods that cannot live."""
    node.namespace(NAMESPACE)
    node.kubectl("-n", NAMESPACE, "apply", f"--filename={BASICS}")
    node.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/web", "--timeout=180s")
    yield node
    node.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def run(node, *command: str) -> str:
    return node.kubectl("-n", NAMESPACE, "exec", "deployment/web", "--", *command).stdout


def test_a_pod_has_logs_and_runs_commands(basics):
    assert "listening" in basics.kubectl("-n", NAMESPACE, "logs", "deployment/web").stdout
    assert "uid=1000" in run(basics, "id")


def test_a_pod_reaches_a_service_by_its_name(basics):
    url = f"http://web.{NAMESPACE}.svc.cluster.local"
    assert run(basics, "python3", "-c", PYTHON.format(context="None"), url).startswith("web-")


def test_a_pod_reaches_the_api_server(basics):
    url = "https://kubernetes.default.svc.cluster.local/version"
    assert json.loads(run(basics, "python3", "-c", PYTHON.format(context=TRUSTING), url))["major"] == "1"


@pytest.mark.parametrize(("thing", "path", "wanted"), TROUBLES, ids=[wanted for *_, wanted in TROUBLES])
def test_trouble_is_told(basics, thing, path, wanted):
    command = ["-n", NAMESPACE, "get", thing, f"--output=jsonpath={path}"]
    wait_for(wanted, lambda: wanted in basics.kubectl(*command).stdout, 120)
