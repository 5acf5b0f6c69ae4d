"""Records a hard session: its store, and its live dashboard's answers.

usage: python -m e2e.recording --ray PATH/TO/bin/ray --into DIR [--nodes 3] [--work hard|mixed] [--tune]
                               [--logs before-stop|after-stop | --collector PROGRAM]

DIR gets storage/ (a bucket with one session), truth/ (questions and answers) and recording.json (how it was made).
The bucket is as KubeRay's collector leaves it, or what the product's own collectors stored, one beside each node.
It needs `unshare` and `ip`: everything runs in a network of its own, which has loopback addresses only (Ray would take
another address of the machine for its head), and ends with this process.
"""

import argparse
import collections
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .cluster import Cluster
from .collector import EXPORTS, Collected
from .facts import Facts
from .network import alone
from .questions import questions, restless
from .store import Place, Store, write
from .submissions import HARD, MIXED, TUNED, WORKLOAD, Submission

QUIET_SECONDS = 18
"""By then every process has sent its events, idle workers beyond the nodes' CPUs have ended, and what an ended job left
behind is marked as failed, which Ray does 15 seconds after the job's end."""


def run(
    cluster: Cluster, folder: Path, waves: list[list[Submission]], before_last: Callable[[], None]
) -> dict[str, str]:
    """Runs submissions, wave by wave, and returns their statuses."""
    scripts = Path(shutil.copytree(WORKLOAD, folder / "jobs", ignore=shutil.ignore_patterns("__*")))
    marks = folder / "marks"
    marks.mkdir()
    statuses = {}
    for number, wave in enumerate(waves, 1):
        if number == len(waves):
            before_last()
        for submission in wave:
            submission.submit(cluster, scripts, marks)
        for submission in wave:
            statuses[submission.id] = submission.wait(cluster)
            print(f"{time.strftime('%T')} {submission.id} {statuses[submission.id]}", flush=True)
    return statuses


class Truth:
    """The questions asked so far, and their answers."""

    def __init__(self, cluster: Cluster, folder: Path):
        self._cluster = cluster
        self._folder = folder
        self.index = []

    def ask(self, paths: Iterable[str]):
        for path in paths:
            number = f"{len(self.index):04}"
            status, kind, body = self._cluster.ask(path)
            self.index.append({"n": number, "path": path, "status": status, "content_type": kind})
            write(self._folder / f"{number}.body", body)
        write(self._folder / "index.json", json.dumps(self.index, indent=1, ensure_ascii=False).encode())


def waves(arguments: argparse.Namespace) -> list[list[Submission]]:
    """Returns the submissions that are asked for."""
    if arguments.work == "mixed":
        return MIXED
    first, *others = HARD
    return [[*first, *([TUNED] if arguments.tune else [])], *others]


def collect(cluster: Cluster, arguments: argparse.Namespace) -> Store | Collected:
    """Puts a receiver beside each node, and returns what stores what they take."""
    place = Place(arguments.into / "storage", arguments.namespace, arguments.cluster)
    if arguments.collector:
        return Collected(arguments.collector.absolute(), place, cluster, arguments.into / "collectors")
    return Store(place, cluster, logs_first=arguments.logs == "before-stop")


def record(arguments: argparse.Namespace, folder: Path) -> dict:
    """Makes the recording, and returns a summary of it."""
    settings = EXPORTS if arguments.collector else {}
    cluster = Cluster(arguments.ray.absolute(), folder, arguments.nodes, settings)
    store = collect(cluster, arguments)
    lose_last = lambda: store.lose(cluster.nodes[-1]) if arguments.work == "mixed" else None  # noqa: E731
    with cluster:
        began = time.monotonic()
        statuses = run(cluster, folder, waves(arguments), lose_last)
        store.poll()
        truth = Truth(cluster, arguments.into / "truth")
        truth.ask(restless(Facts.of(cluster)))
        time.sleep(QUIET_SECONDS)
        truth.ask(questions(Facts.of(cluster)))
        seconds = time.monotonic() - began
        store.end()
        return {
            "session": store.path,
            "ray": cluster.version,
            "work": arguments.work,
            "logs": "collector" if arguments.collector else arguments.logs,
            "seconds": round(seconds),
            "questions": len(truth.index),
            "submissions": statuses,
            "events": dict(collections.Counter(event["eventType"] for event in store.events()).most_common()),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ray", type=Path, required=True, help="Ray's command line, of the version to record")
    parser.add_argument("--into", type=Path, required=True, help="a folder that does not exist yet")
    parser.add_argument("--namespace", default="hard-ns")
    parser.add_argument("--cluster", default="hard-raycluster")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--work", choices=["hard", "mixed"], default="hard", help="mixed needs ray[data,serve,train]")
    parser.add_argument("--collector", type=Path, help="the product's own collector, to store what it stores")
    parser.add_argument("--logs", choices=["before-stop", "after-stop"], default="before-stop", help="when copied")
    parser.add_argument("--tune", action="store_true", help="also a Tune run, which needs ray[tune]")
    arguments = parser.parse_args()
    alone("e2e.recording")
    arguments.into.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        summary = record(arguments, Path(folder))
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    write(arguments.into / "recording.json", f"{text}\n".encode())
    print(text)


if __name__ == "__main__":
    main()
