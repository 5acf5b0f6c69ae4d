"""How jobs ended, on the list of sessions: read by itself, in words, by any means of reading a page."""

import re
from urllib.request import urlopen

import pytest

from e2e.harness import axe, bundle
from e2e.harness.server import Server, wait_until

FAILED = "day-crash failed: ZeroDivisionError: division by zero"
OOM = "failed: ray.exceptions.WorkerCrashedError: The worker died unexpectedly"
LISTS = ["sessions/", "select_cluster", "rayjobs/default/oom-head"]

# The contrast of a text with the page, as WCAG 2 defines it.
CONTRAST = """
    const [selector, scheme] = arguments;
    document.documentElement.style.colorScheme = scheme;
    const canvas = document.createElement("canvas").getContext("2d");
    const light = (color) => {
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const back = document.createElement("div");
    back.style.color = "Canvas";
    document.body.append(back);
    const colors = [document.querySelector(selector), back].map((e) => light(getComputedStyle(e).color));
    back.remove();
    return (Math.max(...colors) + 0.05) / (Math.min(...colors) + 0.05);
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, dashboard):
    """A bucket of recorded sessions: three RayJobs of a real cluster, one of a laptop, clusters with many jobs."""
    scratch, bucket = tmp_path_factory.mktemp("recorded"), tmp_path_factory.mktemp("runs")
    for recording in bundle.RECORDINGS:
        bundle.unpack(scratch, [recording])
        bundle.merge(recording.storage(scratch), bucket)
    bundle.merge(bundle.extract(bundle.KUBE, scratch / "kube") / "storage", bucket)
    log = tmp_path_factory.mktemp("runs-server") / "log"
    with Server(bucket, log, "--dashboard-dir", str(dashboard)) as server:
        yield server


def page(server, path: str) -> str:
    with urlopen(f"{server.url}/{path}") as answer:
        return answer.read().decode()


def first_cells(window) -> list[str]:
    return window.run("return [...document.querySelectorAll('a.open')].map((a) => a.textContent)")


def test_a_page_without_scripts_says_how_jobs_ended(runs):
    wait_until(lambda: "data-reading" not in page(runs, "sessions/"), 60)
    shown = page(runs, "sessions/")
    assert FAILED in shown
    assert OOM in shown
    for word in ["Failed", "Unknown"]:
        assert re.search(rf'class="mark" aria-hidden="true">[^<]</span> {word}</span>', shown), word
    failed = page(runs, "sessions/?outcome=failed")
    assert failed.count('class="open"') == failed.count("> Failed</span>") > 1
    assert "No session matches" in page(runs, "sessions/?outcome=stopped")


def test_the_first_column_is_the_name_that_people_gave(window, runs):
    window.open(f"{runs.url}/sessions/")
    window.wait_for_text(FAILED)
    names = first_cells(window)
    for named in ["day-train", "oom", "deadline", "recsys", "raycluster-mixed"]:
        assert named in names
    assert not any(name.startswith("session_") for name in names)
    row = "return [...document.querySelectorAll('tr')].find((row) => row.innerText.includes('day-train')).innerText"
    shown = window.run(row)
    for text in ["RayJob on day-train-h2x9c", "2026-11-29 08:31:21 UTC+00:00", "2.57.1", "ended", "session_2026-11-29"]:
        assert text in shown, text
    assert not window.errors()


def test_outcomes_come_by_themselves_and_keep_the_focus(window, bucket, tmp_path):
    with Server(bucket, tmp_path / "log") as server:
        window.open(f"{server.url}/sessions/")
        window.wait_for_text("2 sessions")
        window.press("\ue015")
        focused = window.run("return document.activeElement.textContent")
        assert focused in first_cells(window)
        window.wait_for_text("Failed", "capture-fail-1")
        assert window.run("return document.activeElement.textContent") == focused
        window.open("about:blank")


def test_a_filter_by_outcome_is_kept_in_the_address(window, runs):
    window.open(f"{runs.url}/sessions/")
    window.wait_for_text(FAILED)
    window.click("summary")
    choose = """
        const field = document.querySelector('[name=outcome]');
        field.value = 'failed';
        field.dispatchEvent(new Event('input', { bubbles: true }));
        return [...field.options].map((option) => option.textContent);
    """
    assert window.run(choose) == ["any", "failed", "succeeded", "stopped", "unknown"]
    window.wait_for(lambda: "outcome=failed" in window.url, "the address")
    words = "return [...document.querySelectorAll('.outcome')].map((outcome) => outcome.textContent.slice(-6))"
    window.wait_for(lambda: set(window.run(words)) == {"Failed"}, "only what failed")
    window.open(window.url)
    window.wait_for_text(FAILED)
    assert window.run("return document.querySelector('[name=outcome]').value") == "failed"


@pytest.mark.parametrize("path", [*LISTS, "sessions/?outcome=failed", "sessions/?q=nothing"])
@pytest.mark.parametrize("width", [1400, 400])
def test_no_list_keeps_anybody_out(window, runs, path, width):
    window.open(f"{runs.url}/sessions/")
    window.wait_for_text(FAILED)
    window.resize(width, 900)
    window.open(f"{runs.url}/{path}")
    assert axe.serious(window) == []


@pytest.mark.parametrize("path", LISTS)
def test_every_list_fits_a_phone_and_both_themes(window, runs, path):
    window.open(f"{runs.url}/sessions/")
    window.wait_for_text(FAILED)
    window.open(f"{runs.url}/{path}")
    window.wait_for_text("Unknown")
    for width in [1400, 400]:
        window.resize(width, 900)
        over = window.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, width
    window.be_phone(400, 800)
    assert window.run("return document.documentElement.scrollWidth") <= 400
    label = "return getComputedStyle(document.querySelector('td[data-label=Ray]'), '::before').content"
    assert "Ray" in window.run(label)
    window.be_phone(0, 0)
    for selector in [".outcome", ".sentence", "a.open", "td .quiet", "td .quiet a"]:
        for scheme in ["light", "dark"]:
            assert window.run(CONTRAST, selector, scheme) >= 4.5, (selector, scheme)
    assert not window.errors()
