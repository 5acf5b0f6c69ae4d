"""Prints how much of the live dashboards' answers is reproduced, class by class.

usage: python -m e2e.scores [--show N] [--only REGEX] [--write-baseline]

Serves the bundled recordings with the built program, each also as the default exporters would have recorded it.
--write-baseline makes the scores of this run the ones that no later run may fall below (e2e/fidelity-baseline.json).
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from e2e.fidelity import replay
from e2e.harness import bundle, processes
from e2e.harness.exporters import EXPORTERS, filtered
from e2e.harness.server import Server

BASELINE = Path(__file__).parent / "fidelity-baseline.json"


@dataclass(frozen=True)
class Case:
    """A recording, whole or as an exporter of fewer types would have left it."""

    session: bundle.Session
    exporter: str = ""

    @property
    def name(self) -> str:
        """As in the baseline: `mixed`, `mixed operator`."""
        return f"{self.session.name} {self.exporter}".strip()

    def bucket(self, unpacked: Path) -> Path:
        """The folder to serve; made below `unpacked` when it is not there."""
        if not self.exporter:
            return self.session.storage(unpacked)
        folder = unpacked / self.name
        if not folder.is_dir():
            filtered(self.session.storage(unpacked), folder, EXPORTERS[self.exporter])
        return folder


CASES = [
    *(Case(session) for session in bundle.RECORDINGS),
    *(Case(session, exporter) for session in bundle.SESSIONS for exporter in ("operator", "ray")),
    Case(bundle.HARD_260, "operator"),
    *(Case(session, "nothing") for session in bundle.SESSIONS),
]


def main():
    processes.alone()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--show", type=int, default=10, help="print this many of the most frequent differences")
    parser.add_argument("--only", default="", help="only questions whose path matches")
    parser.add_argument("--write-baseline", action="store_true", help="make these scores the baseline")
    arguments = parser.parse_args()
    baseline = {}
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = bundle.unpack(Path(scratch), bundle.RECORDINGS)
        for case in CASES:
            with Server(case.bucket(unpacked), unpacked / f"{case.name}.log") as server:
                scores = replay(case.session.truth(unpacked), f"{server.url}/{case.session.path}", arguments.only)
            print(f"\n{case.name}")
            print(scores.report(arguments.show) if scores.compared else "nothing compared")
            baseline[case.name] = {name: round(score, 2) for name, score in scores.percent().items()}
    if arguments.write_baseline:
        BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")


if __name__ == "__main__":
    main()
