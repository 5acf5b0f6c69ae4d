"""The bar in Ray's dashboard while a session loads, and what it says of one that has gaps."""

import base64
import gzip
import json
import shutil

import pytest

from e2e.harness import bar
from e2e.harness.bundle import MIXED
from e2e.harness.front import Front
from e2e.harness.server import Server, SlowServer, WatchedServer

NO_GZIP = b"\x1f\x8b\x08\x00 broken"


@pytest.mark.parametrize("page", ["logs/", "jobs/capture-sub-1", "overview"])
def test_a_cold_session_on_a_slow_store_fills_the_page_by_itself(window, unpacked, dashboard, tmp_path, page):
    with SlowServer(MIXED.storage(unpacked), tmp_path / "log", dashboard, 800) as slow:
        window.errors()
        window.open(f"{slow.url}/{MIXED.path}/#/{page}")
        bar.wait_for(window, "raycluster-mixed", "Loading: ")
        assert "No known gaps" not in bar.text(window)
        assert window.run(f"return {bar.INSIDE}.querySelector('progress').getClientRects().length") == 1
        bar.wait_for(window, "No known gaps")
        wanted = {"logs/": "Node ID:", "overview": "capture-sub-1", "jobs/capture-sub-1": "Ray Core Overview"}
        window.wait_for_text(wanted[page])
        assert not bar.complaints(window)


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
        bar.wait_for(window, "known gap")
        bar.press(window, "known gap")
        bar.wait_for(window, "2 files could not be read, or not to the end", *(file.name for file in damaged))


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
        bar.wait_for(window, "known gap")
        bar.press(window, "known gap")
        report = server.json(f"api/history/v1/{MIXED.path}")["report"]
        assert report["damagedRecords"]["count"] == lines
        verb = "is" if lines == 1 else "are"
        bar.wait_for(window, f"{lines} of {report['records']} stored events {verb} damaged and left out", more)
        assert bar.text(window).count(f"{file.name}, record ") == min(lines, 20)
        assert more or " more" not in bar.text(window)


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
        bar.wait_for(window, "No known gaps")
        assert "Download all" not in bar.text(window)
        window.click("*[role=button], h2, h3, h4, button, span", containing="Task Table")
        bar.wait_for(window, "The table has 10,000 of 10,", "Download all")
        all_rows = window.run(f"return {bar.INSIDE}.querySelector('a[download]').href").removeprefix(f"{server.url}/")
        rows = server.json(all_rows)["data"]["result"]
        assert len(rows["result"]) == rows["num_filtered"] == rows["num_after_truncation"] > 10_050
        shown = server.json(f"{MIXED.path}/api/v0/tasks?limit=10000")["data"]["result"]["result"]
        assert len(shown) == 10_000
        assert [row["state"] for row in shown if row["name"] == "many"].count("FAILED") == 1
        assert shown == sorted(shown, key=lambda row: (row["task_id"], -row["attempt_number"]))
        window.run("location.hash = '#/actors'")
        window.wait_for(lambda: "Download all" not in bar.text(window), "the bar to follow the page")


def test_an_unreadable_update_keeps_the_session_and_is_shown(window, unpacked, dashboard, tmp_path):
    """The previous state stays on the page, and the bar names the unread file."""
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    lost = max(event_files(bucket), key=lambda file: file.stat().st_size)
    lost.touch()  # written just now: so the store is looked at every few seconds
    with WatchedServer(bucket, tmp_path / "log", dashboard) as server:
        window.open(f"{server.url}/{MIXED.path}/#/jobs")
        bar.wait_for(window, "No known gaps")
        server.breaks(str(lost.relative_to(bucket)))
        lost.touch()
        bar.wait_for(window, "1 known gap")
        bar.press(window, "1 known gap")
        sentence = "1 file could not be read for an update: the previous state of the session is shown"
        bar.wait_for(window, sentence, lost.name)
        window.wait_for_text("Job List", "capture-fail-1")
        server.breaks()
        bar.wait_for(window, "No known gaps")


def test_a_load_that_fails_says_why_and_can_be_tried_again(window, unpacked, dashboard, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    whole = {file: file.read_bytes() for file in event_files(bucket)}
    for file in whole:
        file.write_bytes(NO_GZIP)
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        window.open(f"{server.url}/{MIXED.path}/#/jobs")
        bar.wait_for(window, "cannot be shown", "could be read", "Try again")
        for file, data in whole.items():
            file.write_bytes(data)

        def tried_again():
            if "Try again" in bar.text(window):
                bar.press(window, "Try again")
            return "No known gaps" in bar.text(window)

        window.wait_for(tried_again, "the load to succeed")
        window.wait_for_text("Job List", "capture-fail-1")


@pytest.mark.parametrize("case", ["actors", "logs/", "actors 502", "logs/ 503"])
def test_a_page_that_went_blank_without_a_server_comes_back(window, unpacked, dashboard, tmp_path, case):
    """The script of one of Ray's pages, and the data of another: without them they show nothing, and do not recover."""
    bucket, flags = MIXED.storage(unpacked), ["--dashboard-dir", str(dashboard)]
    page, _, status = case.partition(" ")
    with Front("", "") as front:
        front.without = int(status or 0)
        with Server(bucket, tmp_path / "first", *flags) as first:
            front.server = first.url
            window.open(f"{front.url}/{MIXED.path}/#/jobs")
            bar.wait_for(window, "No known gaps")
            window.wait_for_text("Job List", "capture-fail-1")
        window.run("location.hash = arguments[0]", f"#/{page}")
        root = "return document.getElementById('root').childElementCount"
        window.wait_for(lambda: window.run(root) == 0, "the page to be blank")
        bar.wait_for(window, f"the server answered {status}" if status else "cannot be reached", "Try again")
        with Server(bucket, tmp_path / "second", *flags) as second:
            front.server = second.url
            bar.press(window, "Try again")
            window.wait_for_text({"actors": "detached-a", "logs/": "Node ID:"}[page])
            bar.wait_for(window, "No known gaps")
