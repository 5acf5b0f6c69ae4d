"""Hostile sessions in little memory: `make hard`.

The sessions are those that `e2e.hostile.sessions` makes, or a folder of yours.

Fifty clients ask every URL of every session for ten minutes, some of them slowly, some leaving in the middle, while the
program may hold 512 MiB (a cgroup) and its budget is 256 MiB. It must not end; every request that is waited for gets an
answer with a promised status, and the probe is answered within a second throughout. Prints what was measured; a broken
bound fails it.
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

from e2e.harness import processes
from e2e.harness.confined import DOCUMENT, MIB, Confined, NoGroupError
from e2e.harness.processes import REPOSITORY
from e2e.harness.service import get
from e2e.hostile.sessions import make

CLIENTS = 50
LIMIT_MIB, BUDGET_MIB = 512, 256
PROBE_SECONDS = 1.0
"""The longest time of a probe, as a kubelet waits for it."""
PATIENCE_SECONDS = 90
"""The longest wait of a client for an answer to begin: beyond the request timeout and the answers' `Retry-After`."""
PROMISED = {
    200: "an answer",
    400: "a question that cannot be understood",
    404: "nothing of that name",
    500: "where Ray itself answers so, in Ray's words",
    502: "nothing of it can be read",
    503: "loading, or too much at once: come back",
    507: "larger than the budget",
}
BUG = b"please report"
"""In the body of a 500 that is not Ray's."""
FOLDER = REPOSITORY / ".cache" / "hostile"
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
    """Fifty clients and a probe, and their observations."""

    def __init__(self, url: str, sessions: list[tuple[str, str]], seconds: float):
        self.address, self.sessions, self.until = urlsplit(url), sessions, time.monotonic() + seconds
        self.statuses, self.probes, self.slowest = collections.Counter(), collections.Counter(), 0.0

    def run(self):
        """Returns when the time is over and all have ended."""
        work = [threading.Thread(target=self.probe)]
        work += [threading.Thread(target=self.one, args=(seed,)) for seed in range(CLIENTS)]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()

    def one(self, seed: int):
        """Asks at random until the time is over: reads all, or slowly, or leaves in the middle."""
        choose = random.Random(seed)  # noqa: S311  no secret depends on it
        while time.monotonic() < self.until:
            session, node = choose.choice(self.sessions)
            path = choose.choice(URLS).format(node=node)
            self.statuses[self.ask(f"/{session}/{path}", choose)] += 1

    def ask(self, path: str, choose: random.Random) -> int | str:
        """Sends a request; returns its status, or why there is none."""
        head = b""
        try:
            with socket.create_connection((self.address.hostname, self.address.port), timeout=PATIENCE_SECONDS) as to:
                browser = "User-Agent: Mozilla\r\n" if choose.random() < 0.5 else ""
                to.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{browser}\r\n".encode())
                head = to.recv(65536)
                manner = choose.random()
                while manner > 0.1 and head and (piece := to.recv(1 << 18 if manner > 0.4 else 4096)):
                    if head.startswith(b"HTTP/1.1 500"):
                        head += piece
                    if manner < 0.4:
                        time.sleep(0.05)
                    if time.monotonic() > self.until:
                        break
        except OSError as error:
            if not head:
                return f"no answer: {error}"
            # A body may break off: its client reads slowly, or the session does not fit any more.
            self.statuses["bodies that broke off"] += 1
        status = int(head.split(b" ", 2)[1]) if head else 0
        return f"500 of a bug: {path}" if status == 500 and BUG in head else status

    def probe(self):
        """Asks whether it lives, again and again."""
        while time.monotonic() < self.until:
            began = time.monotonic()
            status, _, _ = get(f"{self.address.scheme}://{self.address.netloc}/livez", timeout=30)
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.probes[status] += 1
            time.sleep(0.1)

    def broken(self) -> list[str]:
        """The bounds that were not kept, in words."""
        statuses = {status: count for status, count in self.statuses.items() if status != "bodies that broke off"}
        found = [f"{count} answers {status}" for status, count in statuses.items() if status not in PROMISED]
        found += [f"{count} probes answered {status}" for status, count in self.probes.items() if status != 200]
        if self.slowest > PROBE_SECONDS:
            found.append(f"the slowest probe took {self.slowest:.2f} s, at most {PROBE_SECONDS} s")
        if self.statuses[200] < CLIENTS:
            found.append(f"only {self.statuses[200]} requests were answered with 200: little was tried")
        return found


def sessions_of(folder: Path) -> list[tuple[str, str]]:
    """The path and a node of each session."""
    found = []
    for session in sorted(folder.glob("cluster-history/raycluster/*/*/session_*")):
        node = next((each.name for each in session.iterdir() if (each / "logs").is_dir()), "f" * 56)
        found.append(("sessions/" + "/".join(session.parts[-3:]), node))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="what a bucket would hold; made where it is left out")
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    folder = options.folder or make(FOLDER)
    sessions = sessions_of(folder)
    if not sessions:
        parser.error(f"{folder} has no sessions below cluster-history/raycluster")
    with tempfile.TemporaryDirectory() as scratch:
        document, log = Path(scratch) / "rayhistory.yaml", Path(scratch) / "log"
        document.write_text(DOCUMENT.format(bucket=folder.resolve(), budget=BUDGET_MIB))
        try:
            with Confined(document, log, LIMIT_MIB * MIB, group_only=True) as server:
                print(f"{len(sessions)} sessions, {options.seconds} s, {server.confinement}", flush=True)
                clients = Clients(server.url, sessions, options.seconds)
                clients.run()
                peak = server.most_resident() / MIB
        except NoGroupError as why:
            parser.error(str(why))
        broken = clients.broken()
        if "panicked" in (text := log.read_text(errors="replace")):
            broken.append("a thread panicked:\n" + "\n".join(line for line in text.splitlines() if "panicked" in line))
    print(f"resident at most {peak:.0f} of {LIMIT_MIB} MiB, slowest probe {clients.slowest:.2f} s")
    print(dict(clients.statuses))
    print("\n".join(f"BROKEN {bound}" for bound in broken) or "every bound was kept")
    return int(bool(broken))


if __name__ == "__main__":
    processes.alone()
    sys.exit(main())
