"""Why runs ended: of a session, and of a run without one, on the list, in the API and on the command line."""

import json
import shutil
from pathlib import Path
from urllib.request import urlopen

import pytest

from e2e.harness import processes
from e2e.harness.browser import Browser
from e2e.harness.server import BINARY, Server, wait_until

# Documents and a ledger as the crate of causes writes them.
WRITTEN = Path(__file__).parent / "obituaries"
SESSION = "session_2026-11-23_07-07-14_513426_5513"
CLUSTER = "train-raycluster-9d4kq"
OOM = "The head ran out of memory at its limit of 8Gi; Ray's session ended with it."
IMAGE = "Image nowhere/ray:1 could not be pulled."


@pytest.fixture(scope="module")
def bucket(tmp_path_factory) -> Path:
    """One session, and the obituaries of its run and of one without a session."""
    bucket = tmp_path_factory.mktemp("why")
    shutil.copytree(WRITTEN, bucket, dirs_exist_ok=True)
    marker = bucket / "cluster-metadata" / "raycluster" / f"ml_{CLUSTER}"
    marker.mkdir(parents=True)
    (marker / SESSION).touch()
    return bucket


@pytest.fixture(scope="module")
def served(bucket, tmp_path_factory, dashboard):
    log = tmp_path_factory.mktemp("why-server") / "log"
    with Server(bucket, log, "--dashboard-dir", str(dashboard)) as server:
        wait_until(lambda: server.json("api/history/v1/obituaries")["total"] == 2, 60)
        yield server


@pytest.fixture(scope="module")
def window(served, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("why-window"), only=served.url) as browser:
        yield browser


def run(*arguments, **environment):
    return processes.run([BINARY, *arguments], own=environment, succeeds=None)


def test_a_page_without_scripts_says_why(served):
    with urlopen(f"{served.url}/sessions/") as answer:
        page = answer.read().decode()
    for text in [OOM.replace("'", "&#39;"), IMAGE, "1 session, 1 run without a session", "no session"]:
        assert text in page or text.replace("&#39;", "'") in page
    assert 'href="../why/ml/raycluster/broken-image/uid-of-broken-image"' in page


@pytest.mark.parametrize("width", [1400, 400])
def test_rows_say_why_at_any_width(window, served, width):
    window.resize(width, 900)
    window.open(f"{served.url}/sessions/")
    window.wait_for_text(OOM, IMAGE)
    names = window.run("return [...document.querySelectorAll('a.open')].map((a) => a.textContent)")
    assert names == [CLUSTER, "broken-image"]
    assert not window.run("return document.documentElement.scrollWidth > innerWidth")
    window.resize(1400, 900)


def test_titles_sort_and_filters_find_causes(window, served):
    window.open(f"{served.url}/sessions/")
    window.wait_for_text(OOM)
    window.click("th a", containing="Why")
    window.wait_for_text(OOM, IMAGE)
    assert "sort=outcome" in window.url
    assert window.run("return document.querySelector('th[aria-sort]').textContent") == "Why"
    window.open(f"{served.url}/sessions/?cause=ImagePull")
    window.wait_for_text(IMAGE)
    assert OOM not in window.run("return document.body.innerText")


@pytest.mark.parametrize("place", ["server", "store"])
def test_the_command_line_says_why(served, bucket, place):
    at = {"RAY_HISTORY_SERVER": served.url} if place == "server" else {"RAY_HISTORY_LOCAL_DIR": str(bucket)}
    told = run("why", f"ml/{CLUSTER}/{SESSION}", **at)
    assert told.returncode == 0, told.stderr
    assert f"raycluster/ml/{CLUSTER}, {SESSION}\n\nFailed: {OOM}\n" in told.stdout
    assert "OOMKilled exit code 137" in told.stdout
    told = run("why", "raycluster/ml/broken-image", **at)
    assert f"Failed: {IMAGE}" in told.stdout
    assert "no session" in told.stdout
    whole = json.loads(run("why", "-o", "json", "raycluster/ml/broken-image", **at).stdout)
    assert whole["document"]["runs"][0]["causes"][0]["code"] == "ImagePull"
    nothing = run("why", "rayjob/ml/nothing", **at)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert run("why", "nothing", **at).returncode == 2
    wide = run("list", "-o", "wide", "--outcome", "failed", **at)
    assert OOM in wide.stdout
    assert IMAGE in wide.stdout


def test_failed_runs_that_ended_before_the_start_are_not_counted(served):
    metrics = served.get("metrics")[2].decode()
    assert 'ray_history_runs_ended_total{outcome="Failed"} 0' in metrics
    wait_until(lambda: "ray_history_obituaries_runs 2" in served.get("metrics")[2].decode(), 60)
