"""API servers that lie: what is stored is served, memory, log and requests stay bounded, and the status says why."""

import collections
import os
import time
from pathlib import Path

import pytest

from e2e import bundle, hostile_api
from e2e.server import BINARY, Server, wait_until

SESSION = bundle.SMALL
MEMORY = 300
"""MiB that the program may ever have had."""
LINES = 100
REQUESTS = 60
"""In `SECONDS`, of one kind. Lists and watches may begin ten times at once and twelve times a minute."""
SECONDS = 8


class Followed(Server):
    """A server that takes its settings from a Kubernetes API server."""

    def __init__(self, kubeconfig: Path, log: Path):
        super().__init__(Path(), log, environment={"KUBECONFIG": str(kubeconfig)})
        history = ["--rayhistory", f"{hostile_api.NAMESPACE}/main", "--replica", "one"]
        self._command = [str(BINARY), "serve", *history, "--listen", "127.0.0.1:0"]

    def processor(self) -> float:
        """Seconds of processors that it has had."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# What the condition says.
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
    """What a request is about, without the names of Leases and Events."""
    path, _, query = path.partition("?")
    name = "leases" if "/leases/" in path else path.rpartition("/")[2]
    return f"watch {name}" if "watch=true" in query else name


@pytest.mark.parametrize("lie", LIES)
def test_whatever_the_api_server_says_sessions_are_served(folder, tmp_path, lie):
    log = tmp_path / "log"
    with hostile_api.serve(folder, tmp_path, lie) as plane, Followed(plane.kubeconfig, log) as server:
        wait_until(lambda: server.get("readyz")[0] == 200, 30)
        begun, before = time.monotonic(), len(plane.requests)
        while time.monotonic() < begun + SECONDS:
            assert server.get("livez")[0] == server.get("readyz")[0] == 200
            assert len(server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]) == 3
            time.sleep(0.5)
        asked = collections.Counter(kind(path) for _, path in plane.requests[before:])
        lines, most, busy = log.read_text().splitlines(), server.memory("VmHWM") >> 20, server.processor()
        wait_until(lambda: LIES[lie] in plane.condition("ClustersWatched").get("message", ""), 30)
    assert most < MEMORY, f"{most} MiB"
    # Some of it is the start, and reading what is sent.
    assert busy < SECONDS, f"{busy} s"
    assert len(lines) < LINES, "\n".join(lines[-20:])
    assert max(asked.values(), default=0) < (1_000 if lie in ("invented", "many") else REQUESTS), asked
    assert all(len(line) < 5_000 and "panicked" not in line for line in lines), "\n".join(lines)
