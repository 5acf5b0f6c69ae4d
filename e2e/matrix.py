"""Records the jobs of `e2e.recording` with the newest patch of every supported Ray, and scores what is served of them.

usage: python -m e2e.matrix [--write] [VERSION...]     (without a version: all of scripts/dashboard-versions.txt)

Each Ray comes from PyPI into an environment of its own, and each recording is kept, both below .cache/. A second run
makes only what is missing. --write puts the scores into docs/fidelity.md (e2e/matrix.json has the numbers), where
versions that were not scored keep theirs.
Fails if a version is below its goal, or if the newest of all has event types or fields that are not known.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from e2e.fidelity import replay
from e2e.harness import processes
from e2e.harness.processes import REPOSITORY
from e2e.harness.rays import ray_of
from e2e.harness.server import Server

CACHE = REPOSITORY / ".cache"
RESULTS = Path(__file__).parent / "matrix.json"
PAGE = REPOSITORY / "docs" / "fidelity.md"
BEGIN, END = "<!-- matrix: written by `make ray-matrix` -->\n", "<!-- end of matrix -->\n"
INSTALLED = r"^(?!/api/data/)"
"""The questions that are compared: Ray Data is not installed, so the live dashboard refuses those about datasets."""
GOALS = {(2, 52): 98.0, (2, 58): 99.0}
"""The least score from a version on, with all that its dashboard and events can be made to give."""
POLLED = "restful__api__v0__tasks[?]*"
"""The stored answers that a collector only has if it was told to poll them; none since Ray 2.55."""


@dataclass(frozen=True)
class Recording:
    """What was recorded with one version."""

    version: str

    @property
    def folder(self) -> Path:
        return CACHE / "matrix" / self.version

    def make(self):
        """Records, unless it is recorded."""
        if (self.folder / "recording.json").is_file():
            return
        ray = ray_of(self.version)
        if self.folder.exists():
            raise SystemExit(f"{self.folder} is of a recording that did not end: delete it")
        command = [sys.executable, "-m", "e2e.recording", "--ray", ray, "--into", self.folder]
        processes.run(command, cwd=REPOSITORY, timeout=900)

    def score(self, scratch: Path) -> dict:
        """Returns the scores of what events and logs have; `polled` are those with the polled task list, if any."""
        storage, bare = self.folder / "storage", scratch / self.version
        shutil.copytree(storage, bare, ignore=shutil.ignore_patterns(POLLED))
        result = self._score(bare, scratch / f"{self.version}.log")
        if any(storage.rglob(POLLED)):
            result["polled"] = self._score(storage, scratch / f"{self.version}-polled.log")
        return result

    def _score(self, storage: Path, log: Path) -> dict:
        """Returns the scores by class, and what the server noticed."""
        session = json.loads((self.folder / "recording.json").read_text())["session"]
        with Server(storage, log) as server:
            scores = replay(self.folder / "truth", f"{server.url}/{session}", INSTALLED)
            report = server.json(f"api/history/v1/{session}")
        return {
            "score": round(scores.overall(), 2),
            "classes": {name: round(score, 2) for name, score in scores.percent().items()},
            "gaps": [gap["code"] for gap in report["gaps"]],
            "unknownFields": sorted(report["report"].get("unknownFields", {})),
        }


def supported() -> list[str]:
    """Returns the versions whose dashboard can be served."""
    listed = (REPOSITORY / "scripts" / "dashboard-versions.txt").read_text()
    return re.findall(r"^ray==(\S+)", listed, re.MULTILINE)


def order(version: str) -> list[int]:
    """Returns the key that sorts versions, the oldest first."""
    return [int(part) for part in version.split(".")]


def goal(version: str) -> float:
    """Returns the least score of a version."""
    major, minor = map(int, version.split(".")[:2])
    return next(least for first, least in sorted(GOALS.items(), reverse=True) if (major, minor) >= first)


def merged(stored: dict[str, dict], scored: dict[str, dict], versions: list[str]) -> dict[str, dict]:
    """Returns the scores of these versions, the newest first: those of this run in place of the stored ones."""
    both = stored | scored
    return {version: both[version] for version in sorted(versions, key=order, reverse=True) if version in both}


def table(results: dict[str, dict]) -> str:
    """Returns the table of the page: the classes that are not whole, by version."""
    newest_first = sorted(results, key=order, reverse=True)
    rows = ["| Ray | score | classes below 100 | known gaps |", "|---|---|---|---|"]
    named = []
    for version in newest_first:
        polled = results[version].get("polled")
        named += [(f"{version}, task list polled", polled)] if polled else []
        named.append((version, results[version]))
    for name, result in named:
        below = [f"{each} {score:g}" for each, score in result["classes"].items() if score < 100]
        gaps = ", ".join(f"`{gap}`" for gap in result["gaps"]) or "none"
        rows.append(f"| {name} | {result['score']:.2f} | {', '.join(below) or 'none'} | {gaps} |")
    return "\n".join(rows) + "\n"


def with_table(page: str, results: dict[str, dict]) -> str:
    """Returns the page with the table of these results."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table(results)}{END}{after}"


def complaints(results: dict[str, dict]) -> list[str]:
    """Returns what is not as it should be."""
    found = [
        f"Ray {version}: {score} is below {goal(version)}"
        for version, result in results.items()
        if (score := result.get("polled", result)["score"]) < goal(version)
    ]
    newest = max(supported(), key=order)
    if newest not in results:
        return found
    unknown = [*results[newest]["unknownFields"], *(gap for gap in results[newest]["gaps"] if "unknown" in gap)]
    return found + [f"Ray {newest}: {each} is not known" for each in unknown]


def main() -> int:
    """Records and scores the versions that are asked for."""
    processes.alone()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    parser.add_argument("--write", action="store_true", help="write the scores into the repository")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        for version in arguments.versions or supported():
            recording = Recording(version)
            recording.make()
            results[version] = recording.score(Path(scratch))
            print(f"Ray {version}: {json.dumps(results[version])}", flush=True)
    print(table(results))
    if arguments.write:
        written = merged(json.loads(RESULTS.read_text()), results, supported())
        RESULTS.write_text(json.dumps(written, indent=1) + "\n")
        PAGE.write_text(with_table(PAGE.read_text(), written))
    wrong = complaints(results)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
