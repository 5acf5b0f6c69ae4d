"""Ray's own dashboard in a real browser: every page of a dead session shows it, and nothing goes wrong on the way."""

import json
import re
import urllib.request

import pytest

from e2e.harness import bundle
from e2e.harness.browser import Browser
from e2e.harness.bundle import MIXED

EXPECTED_ERRORS = [
    # The dashboard hides a page if this HEAD is 404, as it was on the live cluster.
    r"404 HEAD \S+/api/v0/platform_events$",
    r"console: \S+/api/v0/platform_events - .*404",
]


@pytest.fixture(scope="session")
def window(server, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser"), only=server.url) as browser:
        yield browser


@pytest.fixture
def browser(window, request, tmp_path):
    """The window, with a check at the end that nothing went wrong on the pages a test opened."""
    window.errors()
    yield window
    errors = [e for e in window.errors() if not any(re.search(pattern, e) for pattern in EXPECTED_ERRORS)]
    window.screenshot(tmp_path / "page.png")
    assert not errors, "\n".join([f"errors in {request.node.name}, screenshot in {tmp_path}", *errors])


def pages(session, unpacked):
    """Returns the address of every page of a session, and the texts of the live cluster that it must show."""
    nodes = [n["raylet"] for n in session.answer(unpacked, "/nodes?view=summary")["data"]["summary"]]
    head = next(node for node in nodes if node["isHeadNode"])
    alive = [node["nodeId"] for node in nodes if node["state"] == "ALIVE"]
    jobs = [job for job in session.answer(unpacked, "/api/jobs/") if job["submission_id"] and job["job_id"]]
    job = jobs[0]
    actors = session.answer(unpacked, "/logical/actors")["data"]["actors"]
    dead = next(actor for actor in actors.values() if actor["state"] == "DEAD" and actor["exitDetail"] != "-")
    tasks = session.answer(unpacked, "/api/v0/tasks?detail=1&limit=10000")["data"]["result"]["result"]
    task = next(t for t in tasks if t["state"] == "FINISHED" and t["job_id"] in [job["job_id"] for job in jobs])
    log = f"job-driver-{job['submission_id']}.log"
    job_page = f"jobs/{job['submission_id']}"
    return {
        "overview": ("overview", ["Recent jobs", job["entrypoint"][:40], "Node Status"]),
        "jobs": ("jobs", [job["submission_id"] for job in jobs]),
        "job": (job_page, [job["entrypoint"][:40], job["status"], "Ray Core Overview", "Task Table", "DOWNLOAD"]),
        "task": (
            f"jobs/{task['job_id']}/tasks/{task['task_id']}",
            [task["task_id"], task["func_or_class_name"], "FINISHED"],
        ),
        "actors": ("actors", ["TOTAL", "Exit detail", "ALIVE", "DEAD", job["job_id"]]),
        "actor": (f"actors/{dead['actorId']}", [dead["actorId"], dead["actorClass"], "DEAD", dead["exitDetail"][:60]]),
        "nodes": ("cluster", [f"x {len(nodes)}", *(node["nodeId"] for node in nodes)]),
        "node": (f"cluster/nodes/{head['nodeId']}", [head["nodeId"], "Hostname", head["state"]]),
        "logs": ("logs/", alive),
        "log listing": (f"logs/?nodeId={head['nodeId']}", ["raylet.out", log]),
        "log file": (f"logs/viewer?nodeId={head['nodeId']}&fileName={log}", ["Running entrypoint"]),
        "serve": ("serve", ["Applications / Deployments", "RUNNING"]),
    }


NAMES = [
    "overview", "jobs", "job", "task", "actors", "actor", "nodes", "node", "logs", "log listing", "log file", "serve",
]  # fmt: skip


@pytest.mark.parametrize("page", NAMES)
@pytest.mark.parametrize("session", bundle.SESSIONS, ids=lambda session: session.name)
def test_a_page_shows_what_the_live_cluster_had(browser, server, unpacked, session, page):
    all_pages = pages(session, unpacked)
    assert list(all_pages) == NAMES
    address, texts = all_pages[page]
    browser.open(f"{server.url}/{session.path}/#/{address}")
    browser.wait_for_text(*texts)


def test_every_page_can_be_reached_by_clicks(browser, server):
    """From the list of sessions to a log file."""
    browser.open(f"{server.url}/")
    browser.wait_for_text("Ray sessions", "raycluster-mixed", "recsys")
    browser.type_into("#search", "mixed ml-team")
    browser.wait_for(lambda: "recsys" not in browser.text(), "the search to leave out the other session")
    browser.click("a.open", containing="raycluster-mixed")
    browser.wait_for_text("Recent jobs", "capture-sub-1")
    assert browser.url.startswith(f"{server.url}/{MIXED.path}/#/")

    browser.click("a", containing="Jobs")
    browser.wait_for_text("Job List", "capture-fail-1")
    browser.click("a", containing="02000000")
    browser.wait_for_text("Entrypoint", "Ray Core Overview")
    browser.click("*[role=button], h2, h3, h4, button, span", containing="Task Table")
    browser.click("a[href*='#'][href*='tasks/']")
    browser.wait_for_text("Function or class name", "Duration")

    browser.click("a", containing="Actors")
    browser.wait_for_text("Exit detail")
    browser.click("a[href*='#'][href*='actors/']")
    browser.wait_for_text("Class Name", "Required Resources")

    browser.click("a", containing="Cluster")
    browser.wait_for_text("Node List")
    browser.click("a[href*='#'][href*='nodes/']")
    browser.wait_for_text("Node Detail")

    browser.click("a", containing="Logs")
    browser.wait_for_text("Select a node to view logs")
    browser.click("a", containing="Node ID:")
    browser.wait_for_text("gcs_server.out")
    browser.click("a", containing="raylet.out")
    browser.wait_for_text("raylet.out", "DOWNLOAD LOG FILE")


def test_the_search_of_the_sessions_page_is_kept_in_its_address(browser, server):
    browser.open(f"{server.url}/sessions/?q=recsys")
    browser.wait_for(lambda: "raycluster-mixed" not in browser.text(), "the search to leave out the other session")
    browser.wait_for_text("recsys")


def test_a_job_s_timeline_is_downloaded(browser, server):
    browser.open(f"{server.url}/{MIXED.path}/#/jobs/capture-sub-1")
    browser.click("a[href*='tasks/timeline']")
    file = browser.downloaded()
    assert re.fullmatch(r"timeline-02000000-.+\.json", file.name)
    events = json.loads(file.read_text())
    assert {"process_name", "thread_name"} <= {event["name"] for event in events}
    assert any(event["ph"] == "X" and event["dur"] > 0 for event in events)


def test_a_log_is_downloaded_under_its_own_name(browser, server):
    nodes = server.json(f"{MIXED.path}/nodes?view=summary")["data"]["summary"]
    head = nodes[0]["raylet"]["nodeId"]
    log = f"{server.url}/{MIXED.path}/api/v0/logs/file?node_id={head}&filename=raylet.out&lines=-1"
    with urllib.request.urlopen(log) as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="raylet.out"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    browser.open(f"{server.url}/{MIXED.path}/#/logs/")
    for earlier in browser.downloads.iterdir():
        earlier.unlink()
    browser.run("location.assign(arguments[0])", f"{log}&download_filename=fr%C3%BCh%20%221%22.log")
    # Chromium writes _ for what no file name may have.
    assert browser.downloaded().name == "früh _1_.log"


INVENTED = re.compile(r"1970/|NaN|\b0(\.0+)?( ?%|B/s)")
"""Texts that Ray's pages show for figures that are zero or empty lists."""


def node_pages(server, session) -> list[str]:
    nodes = [node["raylet"]["nodeId"] for node in server.json(f"{session.path}/nodes?view=summary")["data"]["summary"]]
    return ["cluster", *(f"cluster/nodes/{node}" for node in nodes)]


@pytest.mark.parametrize("session", bundle.SESSIONS, ids=lambda session: session.name)
def test_figures_that_nothing_stored_are_not_made_up(browser, server, session):
    for page in [*node_pages(server, session), "actors"]:
        browser.open(f"{server.url}/{session.path}/#/{page}")
        browser.wait_for_text("ALIVE" if page in ["cluster", "actors"] else "Boot Time")
        assert not INVENTED.search(browser.text()), page
    browser.open(f"{server.url}/{session.path}/#/cluster")
    browser.click("button", containing="Card")
    browser.wait_for_text("Object Store Memory")
    assert not INVENTED.search(browser.text())
    browser.open(f"{server.url}/{session.path}/#/{node_pages(server, session)[1]}")
    browser.click("[role=tab]", containing="Worker")
    browser.wait_for_text("Create Time", "ray::")
    assert not INVENTED.search(browser.text())


def test_living_actors_show_workers_and_the_head_comes_first(browser, server):
    actors = server.json(f"{MIXED.path}/logical/actors")["data"]["actors"].values()
    workers = [actor["address"]["workerId"] for actor in actors if actor["state"] == "ALIVE"]
    browser.open(f"{server.url}/{MIXED.path}/#/actors")
    browser.wait_for_text("TOTAL", *workers)
    browser.open(f"{server.url}/{MIXED.path}/#/logs/")
    browser.wait_for_text("Node ID:")
    first = browser.run("return document.querySelector(\"a[href*='nodeId=']\").innerText")
    assert first.endswith("(IP: 127.0.0.1)")
    browser.open(f"{server.url}/{MIXED.path}/#/cluster")
    browser.wait_for_text("Node List", "(Head)")
    rows = browser.run("return [...document.querySelectorAll('tbody tr')].map((row) => row.innerText)")
    assert ["(Head)" in row for row in rows] == [True, False, False]


def test_an_error_on_a_page_is_noticed(window, server):
    """The check that guards every other test here must be able to fail."""
    window.open(f"{server.url}/{MIXED.path}/")
    window.run("setTimeout(() => { throw new Error('a script error') })")
    window.run("fetch('no/such/page'); fetch('http://elsewhere.invalid/')")
    found = []

    def everything():
        found.extend(window.errors())
        expected = ["a script error", "404 GET", "request to another server"]
        return all(any(each in error for error in found) for each in expected)

    window.wait_for(everything, "three errors to be noticed")
