"""Two sessions compared: on the page, from the page of a run, and on the command line."""

import json
import shutil

import pytest

from e2e.harness import axe, bundle, processes
from e2e.harness.browser import Browser
from e2e.harness.server import BINARY, Server

A = bundle.MIXED.path.removeprefix("sessions/")
B = bundle.DAY.path.removeprefix("sessions/")


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    both = [bundle.MIXED, bundle.DAY]
    unpacked, merged = bundle.unpack(tmp_path_factory.mktemp("unpacked"), both), tmp_path_factory.mktemp("diff")
    for session in both:
        shutil.copytree(session.storage(unpacked), merged, dirs_exist_ok=True)
    return merged


@pytest.fixture(scope="module")
def served(bucket, tmp_path_factory, dashboard):
    with Server(bucket, tmp_path_factory.mktemp("diff-server") / "log", "--dashboard-dir", str(dashboard)) as server:
        yield server


@pytest.fixture(scope="module")
def window(served, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("diff-window"), only=served.url) as browser:
        yield browser


def diff(*arguments):
    return processes.run([BINARY, "diff", *arguments], succeeds=None)


def test_the_page_of_a_run_leads_to_a_comparison(window, served):
    window.open(f"{served.url}/{bundle.DAY.path}/why")
    window.wait_for_text("Compare with")
    window.type_into("input[name=a]", A)
    window.click("main form button")
    window.wait_for_text("What changed", "In total", "Functions: Run time in total", "Nodes")
    assert A in window.text()
    assert not window.errors()


@pytest.mark.parametrize("path", [f"sessions/diff?a={A}&b={B}", f"{bundle.DAY.path}/functions", "sessions/diff"])
def test_pages_fit_a_phone_and_keep_nobody_out(window, served, path):
    served.json(f"api/history/v1/diff?a={A}&b={B}")
    for width in [1400, 400]:
        window.resize(width, 900)
        window.open(f"{served.url}/{path}")
        window.wait_for_text("unctions" if "?" in path or "functions" in path else "Compare")
        window.run("for (const closed of document.querySelectorAll('details')) closed.open = true")
        assert axe.serious(window) == []
        over = window.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, width
    assert not window.errors()


def test_the_command_tells_the_same_of_a_server_and_of_a_store(bucket, served):
    of_server = diff("--json", "--server", served.url, A, B)
    of_store = diff("--json", "--local-dir", str(bucket), A, B)
    told = [json.loads(command.stdout)["functions"] for command in [of_server, of_store]]
    assert told[0] == told[1]
    assert told[0]["run"]["rows"]
    text = diff("--server", served.url, A, f"{B.rsplit('/', 1)[0]}/latest").stdout
    assert text.startswith("What changed")
    assert "COST" in text
    assert "## In total" in diff("--md", "--server", served.url, A, B).stdout
    refused = diff("--server", served.url, A, "nosuch/latest")
    assert refused.returncode == 1
    assert "nosuch" in refused.stderr
