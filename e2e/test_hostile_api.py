"""API servers that lie: sessions are served, memory, log and requests stay bounded, and the status says why."""

import collections
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.harness import bundle
from e2e.harness.server import BINARY, Server, wait_until
from e2e.hostile import api_server

SESSION = bundle.SMALL
MEMORY = 300
"""The bound of the program's memory, in MiB."""
LINES = 100
REQUESTS = 60
"""The bound of requests of one kind in `SECONDS`.

Lists and watches may begin ten times at once and twelve times a minute.
"""
SECONDS = 8
AT_ONCE = 8
PATIENCE = 90
"""Seconds for what takes some ten to thirty: a condition is written when it has lasted."""


class Followed(Server):
    """A server that takes its settings from a Kubernetes API server."""

    def __init__(self, kubeconfig: Path, log: Path):
        super().__init__(Path(), log, environment={"KUBECONFIG": str(kubeconfig)})
        history = ["--rayhistory", f"{api_server.NAMESPACE}/main", "--replica", "one"]
        self._command = [str(BINARY), "serve", *history, "--listen", "127.0.0.1:0"]

    def processor(self) -> float:
        """Returns the seconds of processor time that it has had."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# Each way to lie, and a part of what the condition must say of it.
LIES = {
    "none": "RayClusters are watched",
    "huge": "longer than 8 MiB",
    "endless": "longer than 8 MiB",
    "drops": "RayClusters cannot be watched",
    "html": "expected value",
    "circle": "goes in circles",
    "invented": "no answer yet",
    "many": "more than 50000 objects",
    "odd": "RayClusters are watched",
    "busy": "no answer yet",
    "later": "no answer yet",
    "garbage": "again and again",
    "line": "again and again",
    "gone": "again and again",
    "gone-event": "again and again",
    "bookmarks": "again and again",
    "unversioned": "again and again",
    "ends": "RayClusters are watched",
    "flood": "RayClusters are watched",
    "settings": "RayClusters are watched",
    "leases": "RayClusters are watched",
}


def kind(path: str) -> str:
    """Returns the resource of a request, without the names of Leases and Events."""
    path, _, query = path.partition("?")
    name = "leases" if "/leases/" in path else path.rpartition("/")[2]
    return f"watch {name}" if "watch=true" in query else name


@dataclass(frozen=True)
class Observed:
    """A server with its API server, for `SECONDS` after it was ready."""

    lines: list[str]
    memory: int
    """MiB, the most there ever were."""
    processor: float
    requests: collections.Counter
    """By kind."""


def observe(bucket: Path, scratch: Path, lie: str) -> Observed:
    """Serves with an API server that lies, until the status says why."""
    log = scratch / "log"
    with api_server.serve(bucket, scratch, lie) as plane, Followed(plane.kubeconfig, log) as server:
        wait_until(lambda: server.get("readyz")[0] == 200, PATIENCE)
        started, before = time.monotonic(), len(plane.requests)
        while time.monotonic() < started + SECONDS:
            assert server.get("livez")[0] == server.get("readyz")[0] == 200
            assert len(server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]) == 3
            time.sleep(0.5)
        requests = collections.Counter(kind(path) for _, path in plane.requests[before:])
        lines, memory, processor = log.read_text().splitlines(), server.memory("VmHWM") >> 20, server.processor()
        wait_until(lambda: LIES[lie] in plane.condition("ClustersWatched").get("message", ""), PATIENCE)
    return Observed(lines, memory, processor, requests)


@pytest.fixture(scope="module")
def observed(folder, tmp_path_factory, request) -> dict[str, Future]:
    """The observation of each lie. Several are made at a time, because most of one is waiting."""
    here = [item for item in request.session.items if item.path == request.path]
    lies = [item.callspec.params["lie"] for item in here if "callspec" in vars(item)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {lie: pool.submit(observe, folder, tmp_path_factory.mktemp(lie), lie) for lie in lies}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("lie", LIES)
def test_sessions_are_served_whatever_the_api_server_says(observed, lie):
    found = observed[lie].result()
    assert found.memory < MEMORY, f"{found.memory} MiB"
    # Some of it is the start, and reading what is sent.
    assert found.processor < SECONDS, f"{found.processor} s"
    assert len(found.lines) < LINES, "\n".join(found.lines[-20:])
    most = 1_000 if lie in ("invented", "many") else REQUESTS
    assert max(found.requests.values(), default=0) < most, found.requests
    assert all(len(line) < 5_000 and "panicked" not in line for line in found.lines), "\n".join(found.lines)
