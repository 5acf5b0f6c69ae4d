"""The bar in Ray's dashboard: which session this is, whether all of it is there, and what happens while it loads."""

import base64
import gzip
import json
import re
import shutil

import pytest

from e2e.browser import Browser
from e2e.bundle import MIXED, SERVICE
from e2e.front import Front
from e2e.server import Server, SlowServer, WatchedServer

# What a browser says of the page that Ray's dashboard asks for to know whether it exists.
HARMLESS = re.compile(r"/api/v0/platform_events")
NO_GZIP = b"\x1f\x8b\x08\x00 broken"
BAR = "document.querySelector('ray-history')"
INSIDE = f"{BAR}?.shadowRoot"


@pytest.fixture(scope="module")
def one_window(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("bar"), only="http://127.0.0.1:") as browser:
        yield browser


@pytest.fixture
def window(one_window):
    # The page of the test before must not go on asking a server that has ended.
    one_window.open("about:blank")
    one_window.errors()
    one_window.resize(1600, 1200)
    return one_window


def bar(window) -> str:
    """What a reader sees in the bar."""
    seen = f"return [...({INSIDE}?.querySelectorAll('section') ?? [])].map((e) => e.innerText).join()"
    return window.run(seen)


def wait_for_bar(window, *texts: str):
    window.wait_for(lambda: all(text in bar(window) for text in texts), f"the bar to say {texts}")


def press(window, name: str):
    """Presses a button of the bar with the keyboard."""
    window.run(
        f"[...{INSIDE}.querySelectorAll('button')].find((b) => b.innerText.includes(arguments[0])).focus()", name
    )
    window.press("\ue007")


def complaints(window) -> list[str]:
    return [error for error in window.errors() if not HARMLESS.search(error)]


def box(window, element: str) -> dict:
    return window.run(
        f"const b = {element}.getBoundingClientRect(); return {{top: b.top, bottom: b.bottom, left: b.left}}"
    )


def luminance(window, element: str, what: str) -> float:
    colour = window.run(f"return getComputedStyle({element})[arguments[0]]", what)
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3


@pytest.mark.parametrize("width", [1600, 560], ids=["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_bar_names_the_session_in_ray_s_own_colours_and_leaves_ray_s_bar_alone(window, server, theme, width):
    window.resize(width, 900)
    window.open(f"{server.url}/{MIXED.path}/?theme={theme}#/actors")
    wait_for_bar(window, "raycluster-mixed", "Ended", "No known gaps", "All sessions")
    assert box(window, "document.querySelector('nav')")["top"] == 0
    height = window.run("return window.innerHeight")
    assert box(window, BAR)["bottom"] == height
    background, text = luminance(window, BAR, "backgroundColor"), luminance(window, BAR, "color")
    dark, light = (background, text) if theme == "dark" else (text, background)
    assert dark < 96
    assert light > 160
    # The last line of a page is not behind the bar.
    window.run("window.scrollTo(0, document.body.scrollHeight)")
    assert box(window, "document.querySelector('#root')")["bottom"] <= box(window, BAR)["top"] + 2


def test_the_bar_follows_ray_s_theme_switch(window, server):
    window.open(f"{server.url}/{MIXED.path}/#/overview")
    wait_for_bar(window, "No known gaps")
    before = luminance(window, BAR, "backgroundColor")
    window.click("button[aria-label='Dark mode'], button[aria-label='Light mode']")
    window.wait_for(lambda: abs(luminance(window, BAR, "backgroundColor") - before) > 100, "the other theme")
    window.run("localStorage.clear()")


def test_the_details_open_and_close_with_the_keyboard(window, server):
    window.open(f"{server.url}/{MIXED.path}/")
    wait_for_bar(window, "No known gaps")
    assert "Last event" not in bar(window)
    press(window, "No known gaps")
    wait_for_bar(window, "Last event", "The whole report (JSON)")
    assert window.run(f"return {INSIDE}.querySelector('[aria-controls]').ariaExpanded") == "true"
    window.press("\ue00c")
    window.wait_for(lambda: "Last event" not in bar(window), "the details to close")
    assert window.run(f"return {INSIDE}.activeElement.innerText") == "No known gaps"


def test_the_bar_works_below_a_prefix_and_leads_back_to_the_list(window, server):
    with Front(server.url, "/teams/ml") as front:
        window.errors()
        window.open(f"{front.url}/{MIXED.path}/#/jobs")
        wait_for_bar(window, "No known gaps")
        window.wait_for_text("Job List", "capture-fail-1")
        window.run(f"{INSIDE}.querySelector('a[href$=\"sessions/\"]').click()")
        window.wait_for_text("Ray sessions", "raycluster-mixed")
        assert window.url == f"{front.url}/sessions/"
        assert not complaints(window)


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


def test_what_never_ended_stands_still_at_the_last_event(window, server):
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


def test_durations_of_serve_stand_still_too(window, server):
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
        wait_for_bar(window, "raycluster-mixed", "No known gaps")
        where = f"""const b = {BAR}.getBoundingClientRect(), v = visualViewport;
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
def test_a_task_table_is_asked_for_again_only_while_it_may_change(window, watched, state):
    watched.say(MIXED, state)
    window.open(f"{watched.url}/{MIXED.path}/#/jobs/capture-sub-1")
    wait_for_bar(window, WORDS[state][0])
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
DOT = f"return getComputedStyle({INSIDE}.querySelector('.state'), '::before').backgroundColor"


@pytest.fixture(scope="module")
def watched(unpacked, dashboard, tmp_path_factory):
    """A server that is told which sessions live."""
    with WatchedServer(MIXED.storage(unpacked), tmp_path_factory.mktemp("watched") / "log", dashboard) as running:
        yield running


@pytest.mark.parametrize("state", WORDS)
def test_the_bar_says_whether_the_cluster_lives_and_only_then_the_clock_goes(window, watched, state):
    watched.say(MIXED, state)
    window.open(f"{watched.url}/{MIXED.path}/")
    word, sentence = WORDS[state]
    wait_for_bar(window, word, "No known gaps")
    assert not any(other in bar(window) for other, _ in WORDS.values() if other != word)
    as_of = watched.json(f"api/history/v1/{MIXED.path}")["asOf"]
    assert window.run(STANDS, as_of) == (state != "live")
    green = window.run(DOT) == "rgb(46, 125, 50)"
    assert green == (state == "live")
    press(window, "No known gaps")
    wait_for_bar(window, sentence)


@pytest.mark.parametrize("logs", ["stored", "missing"])
def test_a_session_without_a_marker_says_what_its_logs_tell_or_how_long_it_is_silent(
    window, unpacked, dashboard, tmp_path, logs
):
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
        wait_for_bar(window, *(["Ended"] if logs == "stored" else ["No event for ", "day"]), "known gap")
        listed = server.json(f"api/history/v1/{MIXED.path}")["session"]
        assert listed.get("ended") == ("head-log" if logs == "stored" else None)
        assert (listed["zone"], listed["started"]) == ("+00:00", "2026-11-22T23:11:33.8218Z")
        assert listed["lastWrite"].startswith("2026-11-22T23:2")
        window.open(f"{server.url}/sessions/")
        word = "ended" if logs == "stored" else "no event for "
        window.wait_for_text(word, "2026-11-22 23:11:33 UTC+00:00")


def test_times_are_told_by_the_head_s_clock_and_by_the_viewer_s(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    (zone,) = bucket.glob("cluster-history/**/restful__timezone")
    zone.write_text('{"offset": "+05:30", "value": "Asia/Kolkata"}')
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/{MIXED.path}/")
        wait_for_bar(window, "as of Nov 23, 2026, 4:", "UTC+05:30", "UTC here")
        window.open(f"{server.url}/sessions/")
        window.wait_for_text("UTC+05:30", "ended", "Starts are times of each head's own clock")


def test_the_bar_leads_to_the_other_sessions_of_the_same_name(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(SERVICE.storage(unpacked), bucket)
    (marker,) = bucket.glob("cluster-metadata/**/session_*")
    marker.with_name("session_2026-11-20_07-07-14_513426_1").touch()
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/rayservices/ml-serving/recsys/latest")
        wait_for_bar(window, "One of 2 sessions", "No event for ")
        window.run(f"[...{INSIDE}.querySelectorAll('a')].find((a) => a.innerText.startsWith('One of')).click()")
        window.wait_for_text("RayService recsys", "2 sessions, newest first", "ended")
        # What the list says of a session leads to its report as it is.
        for item in server.json("api/history/v1/sessions")["sessions"][:1]:
            assert server.json(f"api/history/v1{item['path']}")["session"]["session"] == item["session"]


@pytest.mark.parametrize(("page", "changes"), [("overview", ["dead", "live"]), ("logs/", ["dead"])])
def test_an_open_tab_follows_its_cluster_even_on_a_page_that_asks_nothing(window, watched, page, changes):
    watched.say(MIXED, "live")
    window.open(f"{watched.url}/{MIXED.path}/#/{page}")
    as_of = watched.json(f"api/history/v1/{MIXED.path}")["asOf"]
    wait_for_bar(window, "Live", "No known gaps")
    window.errors()
    for state in changes:
        watched.say(MIXED, state)
        wait_for_bar(window, WORDS[state][0], "No known gaps")
        assert window.run(STANDS, as_of) == (state == "dead")
    assert not complaints(window)


@pytest.mark.parametrize("page", ["logs/", "jobs/capture-sub-1", "overview"])
def test_a_cold_session_on_a_slow_store_fills_the_page_by_itself(window, unpacked, dashboard, tmp_path, page):
    with SlowServer(MIXED.storage(unpacked), tmp_path / "log", dashboard, 800) as slow:
        window.errors()
        window.open(f"{slow.url}/{MIXED.path}/#/{page}")
        wait_for_bar(window, "raycluster-mixed", "Loading: ")
        assert "No known gaps" not in bar(window)
        assert window.run(f"return {INSIDE}.querySelector('progress').getClientRects().length") == 1
        wait_for_bar(window, "No known gaps")
        wanted = {"logs/": "Node ID:", "overview": "capture-sub-1", "jobs/capture-sub-1": "Ray Core Overview"}
        window.wait_for_text(wanted[page])
        assert not complaints(window)


def event_files(bucket):
    files = sorted(bucket.glob("cluster-history/**/*_events/**/*.jsonl.gz"))
    assert len(files) > 3
    return files


def test_a_session_with_gaps_says_what_is_missing(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    damaged = event_files(bucket)[:2]
    for file in damaged:
        file.write_bytes(NO_GZIP)
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/{MIXED.path}/")
        wait_for_bar(window, "known gap")
        press(window, "known gap")
        wait_for_bar(window, "2 files could not be read, or not to the end", *(file.name for file in damaged))


@pytest.mark.parametrize("lines", [1, 20, 33])
def test_the_numbers_of_the_bar_are_those_of_the_report(window, unpacked, dashboard, tmp_path, lines):
    """The report has twenty examples; the bar names the rest."""
    more = f"and {lines - 20} more" if lines > 20 else ""
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    file = event_files(bucket)[0]
    file.write_bytes(file.read_bytes() + gzip.compress(b"\n" + b"no event\n" * lines))
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/{MIXED.path}/")
        wait_for_bar(window, "known gap")
        press(window, "known gap")
        report = server.json(f"api/history/v1/{MIXED.path}")["report"]
        assert report["damagedRecords"]["count"] == lines
        verb = "is" if lines == 1 else "are"
        wait_for_bar(window, f"{lines} of {report['records']} stored events {verb} damaged and left out", more)
        assert bar(window).count(f"{file.name}, record ") == min(lines, 20)
        assert more or " more" not in bar(window)


def add_tasks(bucket, number: int):
    """Stores so many tasks more of job 02000000; the one of the highest id failed."""
    (folder,) = bucket.glob("cluster-history/**/01180a8f*/job_events/02000000")
    at = "2026-11-22T23:12:20Z"
    with gzip.open(folder / f"{folder.parent.parent.name}-2026-11-22-23-1795389142296541953.jsonl.gz", "wt") as out:
        for task in range(number):
            task_id = base64.b64encode(task.to_bytes(20, "big") + bytes([2, 0, 0, 0])).decode()
            state = "FAILED" if task == number - 1 else "FINISHED"
            common = {"taskId": task_id, "taskAttempt": 0, "jobId": "AgAAAA=="}
            function = {"pythonFunctionDescriptor": {"functionName": "m.many"}}
            defined = {**common, "taskType": "NORMAL_TASK", "taskName": "many", "taskFunc": function}
            advanced = {**common, "stateTransitions": [{"state": state, "timestamp": at}]}
            for kind, name, event in [
                ("DEFINITION", "taskDefinitionEvent", defined),
                ("LIFECYCLE", "taskLifecycleEvent", advanced),
            ]:
                record = {"eventType": f"TASK_{kind}_EVENT", "timestamp": at, "sessionName": MIXED.path.split("/")[-1]}
                out.write(json.dumps({**record, name: event}) + "\n")


def test_a_table_that_is_cut_off_says_so_and_leads_to_all_rows(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    add_tasks(bucket, 10_050)
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/{MIXED.path}/#/jobs/capture-sub-1")
        wait_for_bar(window, "No known gaps")
        assert "Download all" not in bar(window)
        window.click("*[role=button], h2, h3, h4, button, span", containing="Task Table")
        wait_for_bar(window, "The table has 10,000 of 10,", "Download all")
        all_rows = window.run(f"return {INSIDE}.querySelector('a[download]').href").removeprefix(f"{server.url}/")
        rows = server.json(all_rows)["data"]["result"]
        assert len(rows["result"]) == rows["num_filtered"] == rows["num_after_truncation"] > 10_050
        shown = server.json(f"{MIXED.path}/api/v0/tasks?limit=10000")["data"]["result"]["result"]
        assert len(shown) == 10_000
        assert [row["state"] for row in shown if row["name"] == "many"].count("FAILED") == 1
        assert shown == sorted(shown, key=lambda row: (row["task_id"], -row["attempt_number"]))
        window.run("location.hash = '#/actors'")
        window.wait_for(lambda: "Download all" not in bar(window), "the bar to follow the page")


def test_what_was_read_before_stays_when_newer_files_cannot_be_read_and_the_bar_says_so(
    window, unpacked, dashboard, tmp_path
):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    lost = max(event_files(bucket), key=lambda file: file.stat().st_size)
    lost.touch()  # written just now: so the store is looked at every few seconds
    with WatchedServer(bucket, tmp_path / "log", dashboard) as server:
        window.open(f"{server.url}/{MIXED.path}/#/jobs")
        wait_for_bar(window, "No known gaps")
        server.breaks(str(lost.relative_to(bucket)))
        lost.touch()
        wait_for_bar(window, "1 known gap")
        press(window, "1 known gap")
        sentence = "1 file could not be read for an update: the previous state of the session is shown"
        wait_for_bar(window, sentence, lost.name)
        window.wait_for_text("Job List", "capture-fail-1")
        server.breaks()
        wait_for_bar(window, "No known gaps")


def test_a_load_that_fails_says_why_and_can_be_tried_again(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    whole = {file: file.read_bytes() for file in event_files(bucket)}
    for file in whole:
        file.write_bytes(NO_GZIP)
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/{MIXED.path}/#/jobs")
        wait_for_bar(window, "cannot be shown", "could be read", "Try again")
        for file, data in whole.items():
            file.write_bytes(data)

        def tried_again():
            if "Try again" in bar(window):
                press(window, "Try again")
            return "No known gaps" in bar(window)

        window.wait_for(tried_again, "the load to succeed")
        window.wait_for_text("Job List", "capture-fail-1")
