"""What every test in the cluster is given: the node, an installation from the release's files, a stored session."""

import time
from functools import partial

import pytest

from e2e.cluster import installation, rayjobs
from e2e.cluster.node import CACHE, RELEASE, Node
from e2e.harness import bundle
from e2e.harness.bundle import MIXED
from e2e.harness.manifests import NAMESPACE, RESTRICTED

ORDER = [
    *("test_node", "test_install", "test_runs", "test_endings", "test_causes", "test_policy", "test_operator"),
    *("test_rollout", "test_restart"),
]
"""Later tests stand on what earlier ones have shown; the last one ends all pods."""
MEASURED = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[MEASURED] = []


def pytest_collection_modifyitems(config, items):
    definition = CACHE / "kuberay" / "config" / "crd" / "bases" / "ray.io_rayclusters.yaml"
    if "historyServerOptions" not in definition.read_text():
        # Before KubeRay 1.7 the operator adds no collector.
        left_out = [item for item in items if item.path.stem == "test_operator"]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: ORDER.index(item.path.stem))


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("measured")
    for line in config.stash[MEASURED]:
        terminalreporter.write_line(line)


def note(config, what: str, since: float) -> float:
    """Notes a duration for the summary, and returns it."""
    seconds = time.monotonic() - since
    config.stash[MEASURED].append(f"{seconds:6.2f} s  {what}")
    return seconds


@pytest.fixture
def measured(pytestconfig):
    """Notes a duration of a test."""
    return partial(note, pytestconfig)


@pytest.fixture(scope="session")
def node() -> Node:
    """The cluster."""
    return Node()


@pytest.fixture(scope="session")
def stored(node, tmp_path_factory):
    """A recorded session in the bucket, beside those of this cluster's own Ray."""
    folder = MIXED.storage(bundle.unpack(tmp_path_factory.mktemp("stored"), [MIXED]))
    node.kubectl("-n", "store", "rollout", "status", "deployment/store", "--timeout=180s")
    bucket = node.bucket()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            bucket.put(str(file.relative_to(folder)), file.read_bytes())
    return MIXED


@pytest.fixture(scope="session")
def image(node):
    """The release's image, imported."""
    (archive,) = RELEASE.glob("ray-history-image-*.tar")
    return node.import_image(archive)


@pytest.fixture(scope="session")
def history(node, image, stored, pytestconfig):  # noqa: ARG001  they must be there before
    """The Service of an installation with `install.yaml`."""
    began = time.monotonic()
    node.kubectl("apply", f"--filename={RELEASE / 'install.yaml'}")
    node.kubectl("wait", "--for=condition=Established", "crd/rayhistories.history.ray.io", "--timeout=60s")
    installation.configure(node, NAMESPACE)
    installation.wait_until_ready(node, NAMESPACE, "ray-history-server")
    note(pytestconfig, "from `kubectl apply` to two ready replicas", began)
    return node.service(NAMESPACE, "ray-history-server")


@pytest.fixture(scope="session")
def collector(node):
    """The release's image of the collector, imported."""
    (archive,) = RELEASE.glob("ray-history-collect-image-*.tar")
    return node.import_image(archive)


@pytest.fixture(scope="session")
def rays(node, collector):  # noqa: ARG001  it must be there before
    """The namespace of the RayJobs, under Pod Security `restricted`: what they run, and where their sessions go."""
    node.namespace(rayjobs.NAMESPACE, RESTRICTED)
    node.apply(rayjobs.programs(rayjobs.NAMESPACE), *rayjobs.variables(rayjobs.NAMESPACE))
    return node


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A failure shows the pods, the last Events, and the end of each server's log."""
    report = yield
    if report.failed and "node" in item.fixturenames:
        node = item.funcargs.get("node") or Node()
        asked = [
            ("get", "pods", "--all-namespaces", "--output=wide"),
            ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
            ("-n", NAMESPACE, "describe", "rh"),
            ("-n", NAMESPACE, "logs", "--prefix", "--selector=app.kubernetes.io/component=server", "--tail=30"),
            (
                "-n",
                rayjobs.NAMESPACE,
                "logs",
                "--prefix",
                "--selector=ray.io/is-ray-node=yes",
                "--all-containers",
                "--tail=15",
            ),
        ]
        for arguments in asked:
            printed = node.kubectl(*arguments, check=False)
            lines = (printed.stdout + printed.stderr).splitlines()[-60:]
            report.sections.append((f"kubectl {' '.join(arguments)}", "\n".join(lines)))
    return report
