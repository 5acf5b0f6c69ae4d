"""Sessions of several Ray versions: each is shown by the dashboard of its own version."""

import re

import pytest

from e2e.harness import bar, bundle
from e2e.harness.bundle import HARD_255, HARD_260
from e2e.harness.front import Front
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import Server, SlowServer

DASHBOARDS = REPOSITORY / ".cache" / "dashboard"


def main_script(version: str) -> str:
    """The name of the script that a version's document loads."""
    (script,) = (DASHBOARDS / version / "static" / "js").glob("main.*.js")
    return script.name


def scripts(window) -> str:
    """The addresses of the scripts in the page."""
    return window.run("return [...document.scripts].map((each) => each.src).join()")


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """The same jobs on the oldest and the newest Ray that are recorded, in one bucket."""
    unpacked = bundle.unpack(tmp_path_factory.mktemp("sessions"), [HARD_255, HARD_260])
    merged = tmp_path_factory.mktemp("bucket")
    for session in [HARD_255, HARD_260]:
        bundle.merge(session.storage(unpacked), merged)
    return merged


@pytest.mark.parametrize(
    ("session", "version"),
    [(HARD_255, "2.55.1"), (HARD_260, "2.60.0")],
    ids=["oldest", "newest"],
)
def test_a_session_is_shown_by_the_dashboard_of_its_ray(window, sessions, tmp_path, session, version):
    with Server(sessions, tmp_path / "log", "--dashboard-dir", str(DASHBOARDS)) as server:
        window.open(f"{server.url}/{session.path}/#/jobs")
        bar.wait_for(window, f"Ray {version}")
        assert main_script(version) in scripts(window)
        window.wait_for(lambda: "SUCCEEDED" in window.text(), "the list of jobs")
        report = server.json(f"api/history/v1/{session.path}")
        assert (report["rayVersion"], report["dashboardVersion"]) == (version, version)
    assert not bar.complaints(window)


def test_a_slow_session_is_shown_by_its_own_dashboard_when_it_is_open(window, sessions, tmp_path):
    """Also after the server was restarted, in the same window: the page is loaded again once each time."""
    document = f"/{HARD_255.path}/"
    with Front("nowhere", "") as front:
        for life in ["first", "second"]:
            # Each request to the store takes longer than a document waits.
            with SlowServer(sessions, tmp_path / life, DASHBOARDS, 700) as server:
                front.server, front.asked[:] = server.url, []
                window.open(f"{front.url}{document}#/jobs")
                assert main_script("2.60.0").encode() in server.get(document[1:])[2]
                bar.wait_for(window, "Ray 2.55.1")
                window.wait_for(lambda: "SUCCEEDED" in window.text(), "the list of jobs")
                assert main_script("2.55.1") in scripts(window)
                assert front.asked.count(document) == 2
                window.open("about:blank")


def test_a_page_is_loaded_again_only_once_for_a_version_that_never_comes(window, sessions, tmp_path):
    """A server that goes on sending another version's document cannot keep the page loading."""
    document = f"/{HARD_255.path}/"

    def change(body: bytes) -> bytes:
        return body.replace(b'data-dashboard="2.55.1"', b'data-dashboard="2.60.0"')

    with (
        Server(sessions, tmp_path / "log", "--dashboard-dir", str(DASHBOARDS)) as server,
        Front(server.url, "", change) as front,
    ):
        window.open(f"{front.url}{document}#/jobs")
        bar.wait_for(window, "Ray 2.55.1, dashboard of Ray 2.60.0")
        assert front.asked.count(document) == 2


def test_a_version_that_is_not_installed_is_shown_by_the_next(sessions, tmp_path):
    (tmp_path / "some").mkdir()
    for version in ["2.54.1", "2.57.1", "2.60.0"]:
        (tmp_path / "some" / version).symlink_to(DASHBOARDS / version)
    with Server(sessions, tmp_path / "log", "--dashboard-dir", str(tmp_path / "some")) as server:
        assert main_script("2.57.1").encode() in server.get(f"{HARD_255.path}/")[2]
        assert main_script("2.60.0").encode() in server.get(f"{HARD_260.path}/")[2]
        for version in ["2.54.1", "2.57.1"]:
            status, kind, _ = server.get(f"{HARD_255.path}/static/js/{main_script(version)}")
            assert (status, kind) == (200, "text/javascript; charset=utf-8")
        assert server.get(f"{HARD_255.path}/static/js/{main_script('2.55.1')}")[0] == 404
        report = server.json(f"api/history/v1/{HARD_255.path}")
        assert (report["rayVersion"], report["dashboardVersion"]) == ("2.55.1", "2.57.1")


def test_one_dashboard_in_the_folder_shows_everything(sessions, tmp_path):
    with Server(sessions, tmp_path / "log", "--dashboard-dir", str(DASHBOARDS / "2.58.1")) as server:
        for session in [HARD_255, HARD_260]:
            body = server.get(f"{session.path}/")[2]
            assert main_script("2.58.1").encode() in body
            assert re.search(rb'data-dashboard=""', body)
            assert "dashboardVersion" not in server.json(f"api/history/v1/{session.path}")
