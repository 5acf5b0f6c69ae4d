"""Records a session of Ray with the product's own collectors, and scores what is served of it.

usage: python -m e2e.collect.recorded [--work mixed|hard] [--show N] [VERSION]

The session has three nodes, of which one is lost with its collector if the work is `mixed`. Ray comes from PyPI into an
environment of its own; it and the recording are kept below .cache/. Fails below the goals.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from e2e.fidelity import replay
from e2e.harness import processes
from e2e.harness.processes import REPOSITORY
from e2e.harness.rays import ray_of
from e2e.harness.server import COLLECTOR, Server

CACHE = REPOSITORY / ".cache"
EXTRAS = {"mixed": "default,data,serve,train", "hard": "default"}
UNCOMPARED = {"mixed": "", "hard": r"^(?!/api/data/)"}
"""The questions that are compared: without Ray Data the live dashboard refuses those about datasets."""
GOAL, WORKERS_GOAL = 99.5, 99.0


def record(version: str, work: str) -> Path:
    """Returns the folder of a recording, which is made if it is not there."""
    folder = CACHE / "collected" / f"{work}-{version}"
    if (folder / "recording.json").is_file():
        return folder
    ray = ray_of(version, EXTRAS[work], f"{work}-{version}")
    if folder.exists():
        raise SystemExit(f"{folder} is of a recording that did not end: delete it")
    command = [sys.executable, "-m", "e2e.recording", "--ray", ray, "--into", folder]
    processes.run([*command, "--work", work, "--collector", COLLECTOR], cwd=REPOSITORY, timeout=1800)
    return folder


def main() -> int:
    processes.alone()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("version", nargs="?", default="2.60.0")
    parser.add_argument("--work", choices=sorted(EXTRAS), default="mixed")
    parser.add_argument("--show", type=int, default=20, help="print this many of the most frequent differences")
    arguments = parser.parse_args()
    folder = record(arguments.version, arguments.work)
    session = json.loads((folder / "recording.json").read_text())["session"]
    with tempfile.TemporaryDirectory() as scratch, Server(folder / "storage", Path(scratch) / "log") as server:
        scores = replay(folder / "truth", f"{server.url}/{session}", UNCOMPARED[arguments.work])
        report = server.json(f"api/history/v1/{session}")
    print(scores.report(arguments.show))
    print(json.dumps({key: report.get(key) for key in ("completeness", "completeTo", "proof", "gaps")}, indent=1))
    return 0 if scores.overall() >= GOAL and scores.percent()["workers"] >= WORKERS_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
