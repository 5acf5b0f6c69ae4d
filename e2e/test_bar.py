"""The bar in Ray's dashboard: the session's name, state, gaps and clocks."""

import re
import shutil

import pytest

from e2e.harness import bar
from e2e.harness.bundle import MIXED, SERVICE
from e2e.harness.front import Front
from e2e.harness.server import Server, WatchedServer


def box(window, element: str) -> dict:
    return window.run(
        f"const b = {element}.getBoundingClientRect(); return {{top: b.top, bottom: b.bottom, left: b.left}}"
    )


def luminance(window, element: str, what: str) -> float:
    colour = window.run(f"return getComputedStyle({element})[arguments[0]]", what)
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3


@pytest.mark.parametrize("width", [1600, 560], ids=["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_bar_has_ray_s_colours_and_covers_nothing_of_ray_s(window, server, theme, width):
    window.resize(width, 900)
    window.open(f"{server.url}/{MIXED.path}/?theme={theme}#/actors")
    bar.wait_for(window, "raycluster-mixed", "Ended", "No known gaps", "All sessions")
    assert box(window, "document.querySelector('nav')")["top"] == 0
    height = window.run("return window.innerHeight")
    assert box(window, bar.ELEMENT)["bottom"] == height
    background, text = luminance(window, bar.ELEMENT, "backgroundColor"), luminance(window, bar.ELEMENT, "color")
    dark, light = (background, text) if theme == "dark" else (text, background)
    assert dark < 96
    assert light > 160
    # The last line of a page is not behind the bar.
    window.run("window.scrollTo(0, document.body.scrollHeight)")
    assert box(window, "document.querySelector('#root')")["bottom"] <= box(window, bar.ELEMENT)["top"] + 2


def test_the_bar_follows_ray_s_theme_switch(window, server):
    window.open(f"{server.url}/{MIXED.path}/#/overview")
    bar.wait_for(window, "No known gaps")
    before = luminance(window, bar.ELEMENT, "backgroundColor")
    window.click("button[aria-label='Dark mode'], button[aria-label='Light mode']")
    window.wait_for(lambda: abs(luminance(window, bar.ELEMENT, "backgroundColor") - before) > 100, "the other theme")
    window.run("localStorage.clear()")


def test_the_details_open_and_close_with_the_keyboard(window, server):
    window.open(f"{server.url}/{MIXED.path}/")
    bar.wait_for(window, "No known gaps")
    assert "Last event" not in bar.text(window)
    bar.press(window, "No known gaps")
    bar.wait_for(window, "Last event", "The whole report (JSON)")
    assert window.run(f"return {bar.INSIDE}.querySelector('[aria-controls]').ariaExpanded") == "true"
    window.press("\ue00c")
    window.wait_for(lambda: "Last event" not in bar.text(window), "the details to close")
    assert window.run(f"return {bar.INSIDE}.activeElement.innerText") == "No known gaps"


def test_the_bar_works_below_a_prefix_and_leads_back_to_the_list(window, server):
    with Front(server.url, "/teams/ml") as front:
        window.errors()
        window.open(f"{front.url}/{MIXED.path}/#/jobs")
        bar.wait_for(window, "No known gaps")
        window.wait_for_text("Job List", "capture-fail-1")
        window.run(f"{bar.INSIDE}.querySelector('a[href$=\"sessions/\"]').click()")
        window.wait_for_text("Ray sessions", "raycluster-mixed")
        assert window.url == f"{front.url}/sessions/"
        assert not bar.complaints(window)


def seconds(text: str) -> int:
    """A duration as Ray writes it."""
    parts = re.fullmatch(r"(?:(\d+)h )?(\d+)m(?: (\d+)s)?", text)
    hours, minutes, rest = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + rest


UPTIMES = r"""
    const column = [...document.querySelectorAll('th')].findIndex((head) => head.innerText.includes('Uptime'));
    return [...document.querySelectorAll('tbody tr')].map((row) => [
        row.querySelector("a[href*='actors/']").href.split('/').pop(), row.cells[column].innerText.trim()]);
"""


def test_durations_without_an_end_stop_at_the_last_event(window, server):
    window.open(f"{server.url}/{MIXED.path}/#/actors")
    rows = window.wait_for(lambda: window.run(UPTIMES), "the table of actors")
    actors = server.json(f"{MIXED.path}/logical/actors")["data"]["actors"]
    as_of = server.json(f"api/history/v1/{MIXED.path}")["asOf"]
    last = window.run("return Date.parse(arguments[0])", as_of)
    alive = [(actors[actor], text) for actor, text in rows if not actors[actor]["endTime"]]
    assert alive
    for actor, text in alive:
        assert abs(seconds(text) - (last - actor["startTime"]) / 1000) < 60
    # Ray draws such a duration anew every second.
    window.run("window.drawn = Date.now()")
    window.wait_for(lambda: window.run("return Date.now() - window.drawn > 2500"), "two and a half seconds")
    assert window.run(UPTIMES) == rows
    clock = window.run("return [new Date().getTime(), Date.now(), new Date(0).getTime(), new Date() instanceof Date]")
    assert clock[0] == last
    assert clock[1] > last
    assert clock[2:] == [0, True]


def test_durations_of_serve_stop_at_the_last_event(window, server):
    window.open(f"{server.url}/{SERVICE.path}/#/serve")
    window.wait_for_text("Duration (since last deploy)", "RUNNING")
    durations = r"return document.body.innerText.match(/\b\d+m \d+s\b/g)"
    before = window.run(durations)
    assert len(before) == 3
    window.run("window.drawn = Date.now()")
    window.wait_for(lambda: window.run("return Date.now() - window.drawn > 2500"), "two and a half seconds")
    assert window.run(durations) == before


@pytest.mark.parametrize("page", ["overview", "actors", "cluster"])
def test_the_bar_is_seen_on_a_phone(window, server, page):
    window.be_phone(400, 800)
    try:
        window.open(f"{server.url}/{MIXED.path}/#/{page}")
        bar.wait_for(window, "raycluster-mixed", "No known gaps")
        where = f"""const b = {bar.ELEMENT}.getBoundingClientRect(), v = visualViewport;
            return [b.left - v.offsetLeft, b.right - v.offsetLeft - v.width, b.bottom - v.offsetTop - v.height]"""
        window.wait_for(lambda: all(abs(away) < 2 for away in window.run(where)), "the bar at the foot of the screen")
    finally:
        window.be_phone(0, 0)


def test_a_tab_is_named_by_its_cluster(window, server):
    window.open(f"{server.url}/{MIXED.path}/#/overview")
    window.wait_for(lambda: window.run("return document.title").endswith("Ray Dashboard"), "Ray's title")
    assert window.run("return document.title") == "raycluster-mixed \u00b7 Overview | Ray Dashboard"
    window.run("location.hash = '#/actors'")
    window.wait_for(
        lambda: window.run("return document.title") == "raycluster-mixed \u00b7 Actors | Ray Dashboard",
        "the other title",
    )


LISTS = (
    """return performance.getEntriesByType('resource').filter((e) => /v0.tasks[?].*limit=10000/.test(e.name)).length"""
)


@pytest.mark.parametrize("state", ["live", "dead"])
def test_a_task_table_is_polled_only_while_it_may_change(window, watched, state):
    watched.say(MIXED, state)
    window.open(f"{watched.url}/{MIXED.path}/#/jobs/capture-sub-1")
    bar.wait_for(window, WORDS[state][0])
    window.click("*[role=button], h2, h3, h4, button, span", containing="Task Table")
    window.wait_for(lambda: window.run(LISTS) > 0, "the table to be asked for")
    if state == "live":
        window.wait_for(lambda: window.run(LISTS) > 1, "the table to be asked for again")
        return
    window.run("window.drawn = Date.now()")
    window.wait_for(lambda: window.run("return Date.now() - window.drawn > 12_000"), "more than Ray's interval")
    assert window.run(LISTS) == 1
    # A session that lives again is asked.
    watched.say(MIXED, "live")
    window.run("document.dispatchEvent(new Event('visibilitychange'))")
    window.wait_for(lambda: window.run(LISTS) > 1, "the table to be asked for again")
    window.wait_for_text("Task Table", "FINISHED")


WORDS = {"live": ("Live", "is running"), "dead": ("Dead", "is gone"), "unknown": ("Ended", "wrote its end marker")}
STANDS = "return new Date().getTime() === Date.parse(arguments[0])"
DOT = f"return getComputedStyle({bar.INSIDE}.querySelector('.state'), '::before').backgroundColor"


@pytest.fixture(scope="module")
def watched(unpacked, dashboard, tmp_path_factory):
    """A server whose sessions have the states that a test sets."""
    with WatchedServer(MIXED.storage(unpacked), tmp_path_factory.mktemp("watched") / "log", dashboard) as running:
        yield running


@pytest.mark.parametrize("state", WORDS)
def test_the_bar_shows_the_state_and_only_a_live_clock_runs(window, watched, state):
    watched.say(MIXED, state)
    window.open(f"{watched.url}/{MIXED.path}/")
    word, sentence = WORDS[state]
    bar.wait_for(window, word, "No known gaps")
    assert not any(other in bar.text(window) for other, _ in WORDS.values() if other != word)
    as_of = watched.json(f"api/history/v1/{MIXED.path}")["asOf"]
    assert window.run(STANDS, as_of) == (state != "live")
    green = window.run(DOT) == "rgb(46, 125, 50)"
    assert green == (state == "live")
    bar.press(window, "No known gaps")
    bar.wait_for(window, sentence)


@pytest.mark.parametrize("logs", ["stored", "missing"])
def test_a_session_without_a_marker_shows_its_end_or_its_silence(window, unpacked, dashboard, tmp_path, logs):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    (marker,) = bucket.glob("cluster-metadata/**/session_*")
    marker.unlink()
    if logs == "missing":
        for process in ["gcs_server", "raylet"]:
            for log in bucket.glob(f"cluster-history/**/logs/{process}*"):
                log.unlink()
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        (listed,) = server.json("api/history/v1/sessions")["sessions"]
        assert listed["state"] == "unknown"
        assert not {"ended", "lastWrite", "zone", "started"} & set(listed)
        window.open(f"{server.url}/{MIXED.path}/")
        bar.wait_for(window, *(["Ended"] if logs == "stored" else ["No event for ", "day"]), "known gap")
        listed = server.json(f"api/history/v1/{MIXED.path}")["session"]
        assert listed.get("ended") == ("head-log" if logs == "stored" else None)
        assert (listed["zone"], listed["started"]) == ("+00:00", "2026-11-22T23:11:33.8218Z")
        assert listed["lastWrite"].startswith("2026-11-22T23:2")
        window.open(f"{server.url}/sessions/")
        word = "ended" if logs == "stored" else "no event for "
        window.wait_for_text(word, "2026-11-22 23:11:33 UTC+00:00")


def test_times_are_shown_by_the_head_s_and_the_viewer_s_clock(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    (zone,) = bucket.glob("cluster-history/**/restful__timezone")
    zone.write_text('{"offset": "+05:30", "value": "Asia/Kolkata"}')
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/{MIXED.path}/")
        bar.wait_for(window, "as of Nov 23, 2026, 4:", "UTC+05:30", "UTC here")
        window.open(f"{server.url}/sessions/")
        window.wait_for_text("UTC+05:30", "ended", "Starts are in the time zone of each head")


def test_the_bar_leads_to_the_other_sessions_of_the_same_name(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(SERVICE.storage(unpacked), bucket)
    (marker,) = bucket.glob("cluster-metadata/**/session_*")
    marker.with_name("session_2026-11-20_07-07-14_513426_1").touch()
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/rayservices/ml-serving/recsys/latest")
        bar.wait_for(window, "One of 2 sessions", "No event for ")
        window.run(f"[...{bar.INSIDE}.querySelectorAll('a')].find((a) => a.innerText.startsWith('One of')).click()")
        window.wait_for_text("RayService recsys", "2 sessions, newest first", "ended")
        # The path of a session in the list leads to its report.
        for item in server.json("api/history/v1/sessions")["sessions"][:1]:
            assert server.json(f"api/history/v1{item['path']}")["session"]["session"] == item["session"]


@pytest.mark.parametrize(("page", "changes"), [("overview", ["dead", "live"]), ("logs/", ["dead"])])
def test_an_open_tab_follows_the_state_of_its_cluster(window, watched, page, changes):
    """Even on a page that sends no requests."""
    watched.say(MIXED, "live")
    window.open(f"{watched.url}/{MIXED.path}/#/{page}")
    as_of = watched.json(f"api/history/v1/{MIXED.path}")["asOf"]
    bar.wait_for(window, "Live", "No known gaps")
    window.errors()
    for state in changes:
        watched.say(MIXED, state)
        bar.wait_for(window, WORDS[state][0], "No known gaps")
        assert window.run(STANDS, as_of) == (state == "dead")
    assert not bar.complaints(window)
