"""A real Ray head whose dashboard forwards everything to a history server, as KubeRay's documentation sets it up."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.service import get

RAY = Path(sys.executable).parent / "ray"
START_SECONDS = 90
STOP_SECONDS = 30
OWN_NODE = "import ray; ray.init(address={address!r}, log_to_driver=False); print(ray.nodes()[0]['NodeID'])"


class Viewer:
    """A running head; a context manager. `url` is its dashboard, `node` the id of its own node."""

    def __init__(self, history: str, environment: dict[str, str] | None = None):
        self._gcs, dashboard, client, agent = free_ports(4)
        self.url = f"http://127.0.0.1:{dashboard}"
        # Ray puts sockets below it, whose paths must be short.
        self._temp = Path(tempfile.mkdtemp(prefix="rh-", dir="/tmp"))
        self._environment = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(self._temp), **(environment or {})}
        self._command = [
            *(str(RAY), "start", "--head", "--block", f"--proxy-server-url={history}", f"--temp-dir={self._temp}"),
            *("--node-ip-address=127.0.0.1", f"--port={self._gcs}", "--num-cpus=1", "--object-store-memory=80000000"),
            *("--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
            *(f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}", "--disable-usage-stats"),
        ]

    def __enter__(self):
        self._log = self._temp / "start.log"
        self._process = processes.start(self._command, self._log, self._environment)
        try:
            self._wait()
            self.node = self._own_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self):
        end = time.monotonic() + START_SECONDS
        # One of the few paths that it answers itself; in token mode not to everybody.
        while get(f"{self.url}/api/gcs_healthz", timeout=5)[0] not in {200, 401}:
            assert self._process.poll() is None, self._log.read_text(errors="replace")
            assert time.monotonic() < end, f"no dashboard within {START_SECONDS} s\n{self._log.read_text()}"
            time.sleep(0.3)

    def _own_node(self) -> str:
        script = OWN_NODE.format(address=f"127.0.0.1:{self._gcs}")
        done = processes.run([sys.executable, "-c", script], own=self._environment, timeout=START_SECONDS)
        return done.stdout.split()[-1]

    def __exit__(self, *_):
        if self._process.poll() is not None:
            print("The head ended by itself:", *self._last_words(), sep="\n")
        # Ray ends every process that it started.
        try:
            processes.stop(self._process, STOP_SECONDS)
        finally:
            shutil.rmtree(self._temp, ignore_errors=True)

    def _last_words(self):
        for log in [self._log, *sorted((self._temp / "session_latest" / "logs").glob("*.*"))]:
            if log.is_file() and log.stat().st_size:
                yield f"--- {log.name}"
                yield from log.read_text(errors="replace").splitlines()[-20:]
