"""Load test of the real program in little memory: `make soak`. Prints what it measured; a broken bound fails it.

Sessions of ten times the cache budget (copies of the bundled ones under other cluster names) are asked at full speed,
while copies of a big session are loaded cold. Bounds: resident memory, the 99th percentile of warm requests, answers
other than the promised 503, and requests per second of a small warm answer (with wrk).
"""

import argparse
import http.client
import os
import random
import re
import shutil
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from e2e.harness import bundle, processes
from e2e.harness.confined import DOCUMENT, MIB, Confined
from e2e.harness.server import Server

# Copies of the big session: loading them takes long enough for a percentile to settle.
BIG = 36
QUESTIONS = ["api/version", "nodes?view=summary", "api/jobs/", "api/v0/tasks?limit=100", "logical/actors"]


def copies(storage: Path, bucket: Path, prefix: str, count: int) -> list[str]:
    """Links a stored session into a bucket under other names; returns the paths of their URLs."""
    markers = [path for path in (storage / "cluster-metadata").rglob("session_*") if path.is_file()]
    *_, kind, names, session = markers[0].parts
    namespace, *owner, cluster = names.split("_")
    source = storage.joinpath("cluster-history", kind, namespace, *owner, cluster, session)
    found = []
    for number in range(count):
        name = f"{prefix}-{number}"
        marker = bucket / "cluster-metadata" / kind / "_".join([namespace, *owner, name]) / session
        marker.parent.mkdir(parents=True)
        marker.write_bytes(b"")
        target = bucket.joinpath("cluster-history", kind, namespace, *owner, name, session)
        shutil.copytree(source, target, copy_function=os.link)
        found.append(f"sessions/{namespace}/{name}/{session}")
    return found


class Client:
    """A kept connection; counts statuses that were not promised."""

    def __init__(self, server: Server):
        self._address = urlsplit(server.url).netloc
        self._connection = http.client.HTTPConnection(self._address, timeout=120)

    def get(self, path: str):
        """Status, whether it is one that was promised, and seconds."""
        began = time.monotonic()
        try:
            self._connection.request("GET", f"/{path}")
            answer = self._connection.getresponse()
            answer.read()
            promised = answer.status < 500 or (answer.status == 503 and answer.headers["Retry-After"] is not None)
            status = answer.status
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            status, promised = repr(error), False
        return status, promised, time.monotonic() - began


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def paced(server: Server, path: str, seconds: float, until=None) -> list[float]:
    """Durations of a warm request asked 200 times a second, for a time, and on until something has happened."""
    client, times, began = Client(server), [], time.monotonic()
    while time.monotonic() - began < seconds or (until is not None and not until()):
        next_at = time.monotonic() + 0.005
        status, _, took = client.get(path)
        assert status == 200, f"{path}: {status}"
        times.append(took)
        time.sleep(max(0.0, next_at - time.monotonic()))
    return times


def storm(server: Server, paths: list[str], seconds: float, threads: int = 8) -> dict:
    """Asks random questions about random sessions at full speed."""
    statuses, lock, end = {}, threading.Lock(), time.monotonic() + seconds

    def ask():
        client, choice = Client(server), random.Random()  # noqa: S311  no secret depends on it
        while time.monotonic() < end:
            status, promised, _ = client.get(f"{choice.choice(paths)}/{choice.choice(QUESTIONS)}")
            with lock:
                key = status if promised else f"unpromised {status}"
                statuses[key] = statuses.get(key, 0) + 1

    workers = [threading.Thread(target=ask) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return statuses


def rate(server: Server, path: str, seconds: int) -> float:
    """Requests per second of one small answer, by wrk."""
    command = [os.environ.get("WRK", "wrk"), "-t1", "-c32", f"-d{seconds}s", f"{server.url}/{path}"]
    printed = processes.run(command).stdout
    assert "Non-2xx" not in printed, printed
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])


class Paths(NamedTuple):
    """Of sessions, below the server."""

    warm: str
    small: list[str]
    big: list[str]


class Report:
    """Prints the measurements, and counts the broken bounds."""

    def __init__(self):
        self.broken = 0

    def bound(self, what: str, *, kept: bool):
        print(f"{'ok    ' if kept else 'BROKEN'} {what}", flush=True)
        self.broken += not kept

    def answers(self, what: str, statuses: dict):
        self.bound(f"answers {what}: {statuses}", kept=all("unpromised" not in str(status) for status in statuses))


def load_all(server: Server, paths: list[str], statuses: dict, done: threading.Event):
    """Opens sessions one after the other."""
    client = Client(server)
    for path in paths:
        status, promised, _ = client.get(f"{path}/api/version")
        key = status if promised else f"unpromised {status}"
        statuses[key] = statuses.get(key, 0) + 1
    done.set()


def phases(server: Server, report: Report, options, paths: Paths):
    """Throughput, warm requests during cold loads, and everything at once."""
    warm, small, big = paths
    question = f"{warm}/api/version"
    server.json(question)
    requests = rate(server, question, 10)
    least = f"at least {options.rate:.0f}"
    report.bound(f"{requests:.0f} requests/s of a small warm answer, {least}", kept=requests >= options.rate)

    idle = percentile(paced(server, question, options.seconds / 4), 0.99)
    statuses, loaded = {}, threading.Event()
    loader = threading.Thread(target=load_all, args=(server, big, statuses, loaded))
    loader.start()
    busy = percentile(paced(server, question, 5, loaded.is_set), 0.99)
    loader.join()
    measured = f"{busy * 1e3:.1f} ms during {len(big)} cold loads, {idle * 1e3:.1f} ms idle"
    report.bound(f"99th percentile of warm requests {measured}, at most 3 times", kept=busy <= 3 * idle)
    report.answers("of the big sessions", statuses)
    report.answers("at full speed", storm(server, [*small, warm, *big], options.seconds))


def run(options, folder: Path) -> Report:
    report, unpacked, bucket = Report(), bundle.unpack(folder / "sessions"), folder / "bucket"
    if options.big:
        with tarfile.open(options.big) as archive:
            archive.extractall(folder / "big", filter="data")
    # The program reports the memory that a session takes.
    with Server(bundle.MIXED.storage(unpacked), folder / "probe") as server:
        weight = server.json(f"api/history/v1/{bundle.MIXED.path}")["weightBytes"]
    count = 10 * options.budget * MIB // weight + 1
    small = copies(bundle.MIXED.storage(unpacked), bucket, "small", count)
    [warm] = copies(bundle.SERVICE.storage(unpacked), bucket, "warm", 1)
    big = copies(folder / "big" / "storage" if options.big else bundle.MIXED.storage(unpacked), bucket, "big", BIG)
    document = folder / "rayhistory.yaml"
    document.write_text(DOCUMENT.format(bucket=bucket, budget=options.budget))
    print(f"{count} sessions of {weight / MIB:.1f} MiB, budget {options.budget} MiB, limit {options.limit} MiB")
    with Confined(document, folder / "log", options.limit * MIB) as server:
        print(f"confined by {server.confinement}", flush=True)
        peak, done = [0], threading.Event()

        def sample():
            while not done.wait(0.1):
                peak[0] = max(peak[0], server.resident())

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            phases(server, report, options, Paths(warm, small, big))
        finally:
            done.set()
            sampler.join()
    most = f"{peak[0] / MIB:.0f} MiB resident at most, limit {options.limit} MiB"
    report.bound(most, kept=peak[0] <= options.limit * MIB)
    return report


def main() -> int:
    processes.alone()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--big", type=Path, help="tar with the storage/ of a big session; the bundled one without")
    parser.add_argument("--budget", type=int, default=256, help="cache.maxMemory, in MiB")
    parser.add_argument("--limit", type=int, default=768, help="most resident memory, in MiB")
    parser.add_argument("--seconds", type=int, default=60, help="length of each phase")
    parser.add_argument("--rate", type=float, default=20000, help="fewest requests per second")
    with tempfile.TemporaryDirectory() as folder:
        return 1 if run(parser.parse_args(), Path(folder)).broken else 0


if __name__ == "__main__":
    sys.exit(main())
