"""Prints how much of the live dashboards' answers is reproduced, class by class.

usage: python -m e2e.scores [--show N] [--only REGEX] [--write-baseline]

Serves the bundled sessions with the built program. --write-baseline makes the scores of this run the ones that no later
run may fall below (e2e/fidelity-baseline.json).
"""

import argparse
import json
import tempfile
from pathlib import Path

from e2e import bundle
from e2e.fidelity import replay
from e2e.server import Server

BASELINE = Path(__file__).parent / "fidelity-baseline.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--show", type=int, default=10, help="print this many of the most frequent differences")
    parser.add_argument("--only", default="", help="only questions whose path matches")
    parser.add_argument("--write-baseline", action="store_true", help="make these scores the baseline")
    arguments = parser.parse_args()
    baseline = {}
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = bundle.unpack(Path(scratch))
        for session in bundle.SESSIONS:
            with Server(session.storage(unpacked), unpacked / f"{session.name}.log") as server:
                scores = replay(session.truth(unpacked), f"{server.url}/{session.path}", arguments.only)
            print(f"\n{session.name}")
            print(scores.report(arguments.show) if scores.compared else "nothing compared")
            baseline[session.name] = {name: round(score, 2) for name, score in scores.percent().items()}
    if arguments.write_baseline:
        BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")


if __name__ == "__main__":
    main()
