"""Prints the tables of scenes that were played: losses and cost, and requests in an hour.

usage: python -m e2e.collect.compare.report DIR...
"""

import json
import sys
from collections import Counter
from pathlib import Path

from .peer import NAMES

HOUR = 3600
KIB, MIB = 1 << 10, 1 << 20


def losses(seen: dict) -> list[list[str]]:
    """Returns a row for each collector: what it lost, and what it used, summed over the nodes.

    Requests that the store did not answer are not counted.
    """
    posted, size = (sum(node[each] for node in seen["nodes"]) for each in ("posted", "log bytes"))
    rows = []
    for name in NAMES:
        peers = [node["peers"][name] for node in seen["nodes"]]
        total = {
            each: sum(peer[each] for peer in peers) for each in peers[0] if isinstance(peers[0][each], int | float)
        }
        requests = sum(sum(peer["counts"].values()) - peer["unanswered"] for peer in peers)
        rows.append(
            [
                f"{total['events lost']:,} of {posted:,}",
                f"{total['log bytes lost'] / KIB:,.0f} of {size / KIB:,.0f} KiB",
                f"{total['cpu']:.1f} s",
                f"{max(peer['peak'] for peer in peers) / MIB:.0f} MiB",
                f"{requests:,}",
                f"{total['up'] / MIB:.1f} MiB",
            ]
        )
    return rows


def in_an_hour(seen: dict, number: int, name: str, after: float = 0) -> Counter:
    """Returns how many requests a collector makes in an hour, by operation and kind, from those after some seconds."""
    length = seen["ended"] - seen["began"]
    rows = [row for row in seen["nodes"][number]["peers"][name]["requests"] if after <= row[0] < length]
    counted = Counter(f"{operation} {kind}" for _, operation, kind, *_ in rows)
    return Counter({each: count * HOUR / (length - after) for each, count in counted.items()})


def main():
    for folder in map(Path, sys.argv[1:]):
        seen = json.loads((folder / "seen.json").read_text())
        print(f"\n{folder.name}: {seen['scene']}, Ray is answered by {seen['first']}")
        print("| collector | events lost | log bytes lost | CPU | peak memory | requests | bytes sent |")
        print("|---|---|---|---|---|---|---|")
        for name, row in zip(NAMES, losses(seen), strict=True):
            print(f"| {name} | {' | '.join(row)} |")
        for number, _ in enumerate(seen["nodes"]):
            for name in NAMES:
                hour = in_an_hour(seen, number, name)
                kinds = ", ".join(f"{count:.0f} {each}" for each, count in sorted(hour.items()))
                used = seen["used at end"][name][number] - seen["used"][name][number]
                seconds = used * HOUR / (seen["ended"] - seen["began"])
                print(f"node {number}, {name}: {hour.total():.0f} requests and {seconds:.1f} CPU s an hour: {kinds}")


if __name__ == "__main__":
    main()
