"""Hostile sessions in little memory: `make hard HARD_ARGS=FOLDER`, a folder that holds what a bucket would hold.

Fifty clients ask every URL of every session for ten minutes, some of them slowly, some leaving in the middle, while the
program may hold 512 MiB (a cgroup) and its budget is 256 MiB. It must neither end nor answer with a status that is not
promised, and its probe answers within a second throughout. Prints what was measured; a broken bound fails it.
"""

import argparse
import collections
import random
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from e2e import processes
from e2e.server import get
from e2e.soak import DOCUMENT, MIB, Confined

CLIENTS = 50
PROMISED = {200, 304, 400, 403, 404, 500, 502, 503, 507}
URLS = [
    *(f"api/v0/{name}?detail=1&limit=10000" for name in ("tasks", "actors", "nodes", "workers", "jobs")),
    *(f"api/v0/{name}?detail=1&limit=1" for name in ("tasks", "placement_groups", "runtime_envs", "cluster_events")),
    *(f"api/v0/{name}?detail=1&limit=10000" for name in ("placement_groups", "runtime_envs", "cluster_events")),
    *(f"api/v0/tasks/{name}" for name in ("summarize", "summarize?summary_by=lineage", "timeline")),
    "api/v0/actors/summarize",
    "api/v0/cluster_metadata",
    "api/v0/platform_events",
    "api/version",
    "api/jobs/",
    "api/cluster_status?format=1",
    "api/serve/applications/",
    "api/data/datasets/01000000",
    "api/train/v2/runs/v1",
    "events",
    "timezone",
    "logical/actors",
    "nodes?view=summary",
    "nodes?view=hostNameList",
    "nodes/{node}",
    "api/v0/logs?node_id={node}",
    "api/v0/logs/file?node_id={node}&filename=dashboard.log&lines=1",
    "api/v0/logs/file?node_id={node}&filename=dashboard.log&lines=-1",
]


class Clients:
    """What fifty clients saw."""

    def __init__(self, url: str, sessions: list[tuple[str, str]], until: float):
        self.address, self.sessions, self.until = urlsplit(url), sessions, until
        self.statuses, self.slowest = collections.Counter(), 0.0

    def one(self, seed: int):
        """Asks at random until the time is over: reads all, or slowly, or leaves in the middle."""
        choose = random.Random(seed)  # noqa: S311  no secret depends on it
        while time.time() < self.until:
            session, node = choose.choice(self.sessions)
            path = choose.choice(URLS).format(node=node)
            try:
                self.statuses[self.ask(f"/{session}/{path}", choose)] += 1
            except OSError:
                self.statuses["broken"] += 1

    def ask(self, path: str, choose: random.Random) -> int:
        """Sends a request; returns its status."""
        with socket.create_connection((self.address.hostname, self.address.port), timeout=90) as to:
            browser = "User-Agent: Mozilla\r\n" if choose.random() < 0.5 else ""
            to.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{browser}\r\n".encode())
            head = to.recv(65536)
            manner = choose.random()
            while manner > 0.1 and head and (piece := to.recv(1 << 18 if manner > 0.4 else 4096)):
                if manner < 0.4:
                    time.sleep(0.05)
                if time.time() > self.until or not piece:
                    break
            return int(head.split(b" ", 2)[1]) if head else 0

    def probe(self):
        """Asks whether it lives, again and again."""
        while time.time() < self.until:
            began = time.time()
            status, _, _ = get(f"{self.address.scheme}://{self.address.netloc}/livez", timeout=30)
            self.slowest = max(self.slowest, time.time() - began)
            self.statuses[f"livez {status}"] += 1
            time.sleep(0.1)


def sessions_of(folder: Path) -> list[tuple[str, str]]:
    """The path and a node of each session."""
    found = []
    for session in sorted(folder.glob("cluster-history/raycluster/*/*/session_*")):
        node = next((each.name for each in session.iterdir() if (each / "logs").is_dir()), "f" * 56)
        found.append(("sessions/" + "/".join(session.parts[-3:]), node))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        document = Path(scratch) / "rayhistory.yaml"
        document.write_text(DOCUMENT.format(bucket=options.folder.resolve(), budget=256))
        log = Path(scratch) / "log"
        with Confined(document, log, 512 * MIB) as server:
            clients = Clients(server.url, sessions_of(options.folder), time.time() + options.seconds)
            work = [threading.Thread(target=clients.probe)]
            work += [threading.Thread(target=clients.one, args=(seed,)) for seed in range(CLIENTS)]
            for thread in work:
                thread.start()
            for thread in work:
                thread.join()
            status = Path(f"/proc/{server.pid}/status").read_text()
        panicked = "panicked" in log.read_text(errors="replace")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    odd = [each for each in clients.statuses if isinstance(each, int) and each not in PROMISED]
    dead = sum(count for each, count in clients.statuses.items() if str(each) == "livez 0")
    print(f"{server.confinement}: peak {peak:.0f} of 512 MiB, panicked: {panicked}")
    print(f"slowest /livez {clients.slowest:.2f} s")
    print(dict(clients.statuses))
    return int(bool(odd or dead or panicked or clients.slowest > 1))


if __name__ == "__main__":
    processes.alone()
    sys.exit(main())
