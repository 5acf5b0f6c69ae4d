"""Sessions whose collector writes manifests: the bar, the report and the list say what is proved, and what is lost."""

import shutil
from urllib.request import urlopen

import pytest

from e2e.harness import bar, collected
from e2e.harness.bundle import MIXED
from e2e.harness.server import Server, wait_until

HEAD = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052"


def opened(manifest: dict):
    """Makes a manifest one of a node that was lost."""
    manifest.pop("reason")
    manifest.update(state="open", written="2026-11-22T23:20:01Z")


def living(manifest: dict):
    """Makes a manifest one of a node that is alive."""
    manifest.pop("reason")
    manifest.update(state="open")


def dropped(manifest: dict):
    """Makes Ray drop events."""
    counters = manifest["ray"][0]
    counters["dropped"] = {"TASK_DEFINITION_EVENT": 900, "TASK_LIFECYCLE_EVENT": 75}
    counters["received"] += 975


def later(manifest: dict):
    """Makes a manifest one of a later version."""
    manifest["format"] = "ray-history/manifest/9"


@pytest.fixture(scope="module", params=["complete", "complete-to", "live", "gaps", "no-known-gaps"])
def proved(request, unpacked, dashboard, tmp_path_factory):
    """A server of a session with manifests, and the verdict that they give."""
    change = {"complete-to": opened, "live": living, "gaps": dropped, "no-known-gaps": later}.get(request.param)
    place = tmp_path_factory.mktemp("proved")
    bucket = shutil.copytree(MIXED.storage(unpacked), place / "bucket")
    collected.collect(bucket, MIXED.path, HEAD, change)
    with Server(bucket, place / "log", "--dashboard-dir", str(dashboard)) as server:
        yield server, request.param


def test_the_report_and_the_headers_have_the_verdict(proved):
    server, verdict = proved
    report = server.json(f"api/history/v1/{MIXED.path}")
    word = "complete-to" if verdict == "live" else verdict
    assert report["completeness"] == word, report["proof"]
    proof = report["proof"]
    assert proof["nodes"] == len(server.json(f"{MIXED.path}/nodes?view=summary")["data"]["summary"])
    with urlopen(f"{server.url}/{MIXED.path}/api/v0/nodes") as answer:
        headers = answer.headers
    assert headers["X-Ray-History-Completeness"] == word
    assert headers.get("X-Ray-History-Complete-To") == report.get("completeTo")
    if verdict == "complete":
        assert report["completeTo"] == "2026-11-22T23:20:30Z"
        assert (proof["losses"], proof["doubts"], proof["limits"]) == ([], [], [])
    if verdict in ("complete-to", "live"):
        assert report["completeTo"] == "2026-11-22T23:20:00Z"
        limit = {"node": HEAD, "to": "2026-11-22T23:20:00Z", "alive": verdict == "live"}
        limit |= {"seconds": 10, "logSeconds": 30}
        assert proof["limits"] == [limit]
    if verdict == "gaps":
        assert [(loss["node"], loss["code"], loss["missing"]) for loss in proof["losses"]] == [
            (HEAD, "dropped-events", 900),
            (HEAD, "dropped-events", 75),
        ]
        assert {gap["code"] for gap in report["gaps"]} == {"dropped-events"}
    if verdict == "no-known-gaps":
        assert [doubt["node"] for doubt in proof["doubts"]] == [HEAD]
        assert "ray-history/manifest/9" in proof["doubts"][0]["message"]


WORDS = {
    "complete": (["Dead", "Complete"], ["All that Ray handed over is stored and was read", "up to a second"]),
    "complete-to": (
        ["State unknown", "Complete to"],
        ["did not end in order", "up to 10 seconds of events, 30 seconds of users' logs may be missing"],
    ),
    "live": (["Live", "Complete to"], ["is alive", "more is stored soon"]),
    "gaps": (["Events dropped by Ray", "2 known gaps"], ["Ray dropped 900 events of type TASK_DEFINITION_EVENT"]),
    "no-known-gaps": (["No known gaps"], ["cannot be proved", "ray-history/manifest/9"]),
}


def test_the_bar_says_the_verdict_and_explains_it(window, proved):
    server, verdict = proved
    words, details = WORDS[verdict]
    window.open(f"{server.url}/{MIXED.path}/")
    shown = [word for word in words if word != "State unknown"]
    bar.wait_for(window, *shown)
    bar.press(window, shown[-1])
    bar.wait_for(window, *details)
    if verdict == "complete":
        bar.wait_for(window, "The collector of its head closed its manifest.")
    assert not bar.complaints(window)


LISTED = [
    (None, ">complete</span>"),
    (dropped, ">known gaps</span>"),
    (opened, ">complete to 2026-11-22 23:20:00 UTC</span>"),
]


@pytest.mark.parametrize(("change", "words"), LISTED, ids=["complete", "gaps", "complete-to"])
def test_the_list_says_what_manifests_say(unpacked, tmp_path, change, words):
    bucket = shutil.copytree(MIXED.storage(unpacked), tmp_path / "bucket")
    collected.collect(bucket, MIXED.path, HEAD, change)
    with Server(bucket, tmp_path / "log") as server:
        assert words not in server.get("sessions/")[2].decode(), "nothing was read yet"
        wait_until(lambda: words in server.get("sessions/")[2].decode(), 20)
