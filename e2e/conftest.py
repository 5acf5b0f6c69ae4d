"""Fixtures of all end-to-end tests: the sessions, a server that serves them, the dashboard's files, a browser."""

import shutil
from pathlib import Path

import pytest

from e2e.harness import bundle, processes
from e2e.harness.browser import Browser
from e2e.harness.server import BINARY, DASHBOARD, Server


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory) -> Path:
    """Both sessions, each in a folder of its own name."""
    return bundle.unpack(tmp_path_factory.mktemp("sessions"))


@pytest.fixture(scope="session")
def bucket(unpacked, tmp_path_factory) -> Path:
    """Both sessions in one folder, as one bucket would hold them."""
    merged = tmp_path_factory.mktemp("bucket")
    for session in bundle.SESSIONS:
        shutil.copytree(session.storage(unpacked), merged, dirs_exist_ok=True)
    return merged


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with one small session, `e2e.harness.bundle.SMALL`."""
    return bundle.small(tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="session")
def dashboard() -> Path:
    """The Ray dashboard's files; `make dashboard` fetches them."""
    assert (DASHBOARD / "index.html").is_file(), f"no Ray dashboard at {DASHBOARD}: run `make dashboard`"
    return DASHBOARD


@pytest.fixture(scope="session")
def server(bucket, dashboard, tmp_path_factory):
    """One server for all tests that only read."""
    log = tmp_path_factory.mktemp("server") / "log"
    with Server(bucket, log, "--dashboard-dir", str(dashboard)) as running:
        yield running


@pytest.fixture(scope="module")
def one_window(tmp_path_factory):
    """A browser for all tests of a file; it may ask any server of this machine."""
    with Browser(tmp_path_factory.mktemp("window"), only="http://127.0.0.1:") as browser:
        yield browser


@pytest.fixture
def window(one_window):
    """The same with an empty page, so that the page of the test before asks no server that has ended."""
    one_window.open("about:blank")
    one_window.errors()
    one_window.resize(1600, 1200)
    return one_window


LONGEST = [
    "test_real_ray.py",
    "test_hostile_gcs.py",
    "test_bar_loading.py",
    "test_hostile_api.py",
    "test_bar.py",
    "test_cli.py",
    "test_install.py",
    "test_ray_proxy.py",
    "test_ray_cli.py",
    "test_login.py",
    "test_logs.py",
]
"""Files that take longest, which begin first: one that begins last would leave the other workers idle."""


def pytest_collection_modifyitems(items):
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_configure(config):
    if not processes.is_alone():
        # The new process must have our output, not what pytest reads it with.
        config.pluginmanager.getplugin("capturemanager").suspend_global_capture(in_=True)
        processes.alone()


def pytest_sessionstart():
    if not BINARY.is_file():
        pytest.exit(f"{BINARY} is not built: run `make test-e2e`, or `cargo build`", returncode=2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A failure shows the end of the server's log; a skipped test is a failure: it has not run."""
    report = yield
    running = item.funcargs.get("server") if hasattr(item, "funcargs") else None
    if report.failed and running is not None:
        report.sections.append(("server log", running.tail()))
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; every test must run"
    return report
