"""Takes the picture of the README: a job of a dead session in Ray's own dashboard.

usage: python -m e2e.screenshot [FILE]

Serves the demo of `make run`, with the program that `RAY_HISTORY_BIN` names, else the debug build.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from e2e.harness import processes
from e2e.harness.browser import Browser
from e2e.harness.bundle import MIXED
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import DASHBOARD, Server

PICTURE = REPOSITORY / "docs" / "images" / "session.png"
MOST_BYTES = 120_000
PAGE = "jobs/capture-sub-1"
TEXTS = ["capture-sub-1", "SUCCEEDED", "Ray Core Overview", "Finished: 14", "Failed: 10"]
BAR = "return document.querySelector('ray-history')?.shadowRoot?.textContent?.includes('raycluster-mixed')"
DRAWN = "const done = arguments[0]; document.fonts.ready.then(() => setTimeout(done, 2000))"


def take(to: Path):
    """Serves the demo, opens the page, and writes what the window shows once the page and the bar are complete."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processes.run([REPOSITORY / "scripts" / "unpack-demo", folder / "demo"])
        with (
            Server(folder / "demo" / "bucket", folder / "log", "--dashboard-dir", str(DASHBOARD)) as server,
            Browser(folder / "browser", server.url, "--hide-scrollbars") as browser,
        ):
            browser.resize(1280, 800)
            browser.open(f"{server.url}/{MIXED.path}/#/{PAGE}")
            browser.wait_for_text(*TEXTS)
            browser.wait_for(lambda: browser.run(BAR), "the bar")
            browser.ask(DRAWN)
            browser.screenshot(to)


def main() -> int:
    processes.alone()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=PICTURE)
    to = parser.parse_args().file
    to.parent.mkdir(parents=True, exist_ok=True)
    take(to)
    size = to.stat().st_size
    print(f"{to}: {size:,} bytes")
    if size > MOST_BYTES:
        print(f"too large for the repository: at most {MOST_BYTES:,} bytes", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
