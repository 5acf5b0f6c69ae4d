"""A real Ray with a collector beside each node, on loopback addresses of its own, that ends in one of some ways.

usage: python -m e2e.collect.scene --collector PROGRAM --ray PROGRAM --into DIR --end WAY

DIR gets bucket/, the collectors' logs, and ended.json with what was seen at the end. The ways are in `plays`.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from e2e.collect.plays import PLAYS, SETTINGS
from e2e.recording.cluster import Cluster
from e2e.recording.collector import Collected
from e2e.recording.network import alone
from e2e.recording.store import Place

NAMESPACE, CLUSTER = "ml", "train"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collector", type=Path, required=True)
    parser.add_argument("--ray", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--end", choices=sorted(PLAYS), required=True)
    arguments = parser.parse_args()
    alone("e2e.collect.scene")
    into = arguments.into.absolute()
    nodes, play = PLAYS[arguments.end]
    # Sockets have short paths only.
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    try:
        cluster = Cluster(arguments.ray.absolute(), folder, nodes, SETTINGS.get(arguments.end))
        Collected(arguments.collector.absolute(), Place(into / "bucket", NAMESPACE, CLUSTER), cluster, into)
        with cluster:
            seen = play(cluster)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (into / "ended.json").write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
