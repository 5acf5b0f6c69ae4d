"""Behind `ray start --head --proxy-server-url`, the dashboard shows the dead session and never its own cluster."""

import re

import pytest

from e2e.harness import bar
from e2e.harness.browser import Browser
from e2e.harness.bundle import MIXED
from e2e.harness.viewer import Viewer
from e2e.test_browser import EXPECTED_ERRORS, NAMES, pages

# KubeRay's own way to enter: namespace, kind, name, session.
ENTER = re.sub(r"^sessions/([^/]+)/", r"enter_cluster/\1/raycluster/", MIXED.path)
# By HEAD and a 404, Ray's dashboard learns that it has no such page; here that is 410.
EXPECTED = [*EXPECTED_ERRORS, r"platform_events"]


@pytest.fixture(scope="module")
def viewer(server):
    with Viewer(server.url) as running:
        yield running


@pytest.fixture(scope="module")
def window(viewer, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("viewer"), only=viewer.url) as browser:
        browser.open(f"{viewer.url}/{ENTER}")
        browser.wait_for_text("Recent jobs", "capture-sub-1")
        assert browser.url == f"{viewer.url}/#/overview"
        yield browser


@pytest.mark.parametrize("page", NAMES)
def test_every_page_shows_the_dead_session_alone(window, viewer, unpacked, page):
    """Nothing of the viewer's own cluster is on any page."""
    window.errors()
    address, texts = pages(MIXED, unpacked)[page]
    window.open(f"{viewer.url}/#/{address}")
    window.wait_for_text(*texts)
    bar.wait_for(window, "raycluster-mixed", "No known gaps")
    assert viewer.node not in window.run("return document.documentElement.outerHTML")
    assert viewer.node not in bar.text(window)
    errors = [error for error in window.errors() if not any(re.search(pattern, error) for pattern in EXPECTED)]
    assert not errors


ASK = """
    const [path, done] = arguments;
    fetch(path).then(async (answer) => done([answer.status, await answer.text()]));
"""


@pytest.mark.parametrize(
    "path",
    [
        "nodes?view=summary", "logical/actors", "api/jobs/", "api/v0/nodes", "api/v0/workers", "api/v0/tasks",
        "api/cluster_status?format=1", "api/v0/placement_groups", "events", "api/version",
    ],
)  # fmt: skip
def test_no_answer_is_of_the_viewer_s_cluster(window, viewer, path):
    status, body = window.ask(ASK, path)
    assert status == 200
    assert viewer.node not in body


@pytest.mark.parametrize("path", ["api/jobs/raysubmit_none", "static/js/none.js", "api/none", "none"])
def test_unknown_paths_are_410_so_the_viewer_s_cluster_is_silent(window, path):
    assert window.ask(ASK, path)[0] == 410


def test_without_a_session_the_way_leads_to_the_list(viewer, tmp_path):
    with Browser(tmp_path, only=viewer.url) as browser:
        browser.open(f"{viewer.url}/")
        browser.wait_for_text("Ray sessions", "raycluster-mixed")
        assert browser.url == f"{viewer.url}/sessions/"
        browser.click("a.open", containing="raycluster-mixed")
        browser.wait_for_text("Recent jobs", "capture-sub-1")
        assert browser.url.startswith(f"{viewer.url}/{MIXED.path}/#/")
