"""The two collectors: how each is started beside a node of Ray, what it uses, how it is ended."""

import os
import signal
import threading
import time
import urllib.request
from pathlib import Path

from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.versitygw import variables

from .proxy import Proxy

CLUSTER, NAMESPACE = "train", "ml"
OURS, KUBERAY = "ours", "kuberay"
NAMES = (OURS, KUBERAY)
"""Of the collectors, and of their buckets."""
TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.2


class Peer:
    """One collector beside one node, with a proxy of its own; a context manager."""

    def __init__(self, name: str, program: Path, folder: Path, server: int):
        self.name, self._program, self._folder = name, program, folder
        self.proxy = Proxy(server)
        self.port, self._control = free_ports(2)
        self.environment: dict[str, str] = {}
        self.peak = 0
        """The most resident memory so far, in bytes."""
        self.starts = 0
        self.seconds = 0.0
        """The processor's time, once it has ended."""
        self.exit = None

    def __enter__(self):
        self._folder.mkdir()
        self.proxy.__enter__()
        self.start()
        threading.Thread(target=self._sample, daemon=True).start()
        return self

    def __exit__(self, *_):
        if self.exit is None:
            self.end(signal.SIGKILL, 10)
        self.proxy.__exit__()

    def beside(self, ip: str, head: str, ray_tmp: Path, dashboard: str, role: str):
        """Says where it runs: the variables are those that KubeRay's operator sets, and of the store."""
        self.environment = {
            "HOME": str(self._folder),
            "RAY_ROLE": role,
            "RAY_CLUSTER_NAME": CLUSTER,
            "RAY_CLUSTER_NAMESPACE": NAMESPACE,
            "POD_IP": ip,
            "FQ_RAY_IP": head,
            "RAY_DASHBOARD_ADDRESS": dashboard,
            "RAY_DASHBOARD_PORT": dashboard.rpartition(":")[2],
            "EVENTS_PORT": str(self.port),
            "RAY_TMP_ROOT": str(ray_tmp),
            **variables(self.proxy.port, self.name),
        }
        if self.name == OURS:
            self.environment["RAY_HISTORY_COLLECT_SPOOL"] = str(self._folder / "spool")
            self.environment["RAY_HISTORY_COLLECT_CONTROL_LISTEN"] = f"127.0.0.1:{self._control}"
        else:
            self.environment["RAY_COLLECTOR_EVENT_DATA_DIR"] = str(self._folder / "event-data")

    def start(self):
        """Starts it, also again, as the kubelet does with a container that has ended; each start has its log."""
        self._process = processes.start([self._program], self._folder / f"{self.starts}.log", self.environment)
        self.starts += 1

    def ready(self) -> bool:
        """Returns True if it takes events."""
        if self._ended():
            self._process.wait()
            self.start()
        return any(f":{self.port:04X} " in line for line in listening())

    def drain(self) -> str:
        """Calls the hook that ends the Ray container; only ours has one."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._control}/drain", timeout=30) as answer:
            return answer.read().decode()

    def send(self, number: signal.Signals):
        # The method of the process would reap it, and with it what it used.
        if not self._ended():
            os.kill(self._process.pid, number)

    def end(self, number: signal.Signals, grace: float):
        """Sends a signal, waits for its end, and kills it after the grace period."""
        self.send(number)
        self.wait(grace)

    def wait(self, grace: float):
        deadline = time.monotonic() + grace
        while not self._ended():
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
            time.sleep(0.02)
        self.seconds = self.used()
        self.exit = self._process.wait()

    def used(self) -> float:
        """Returns the processor's time so far, in seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _ended(self) -> bool:
        """Returns True if it has ended; its entry in /proc stays."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _sample(self):
        while self.exit is None:
            try:
                lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
                self.peak = max([self.peak, *(int(line.split()[1]) * 1024 for line in lines if "VmHWM" in line)])
            except OSError:
                pass
            time.sleep(SAMPLE_SECONDS)


def listening() -> list[str]:
    """Returns the rows of listening sockets, with ports in hexadecimal."""
    rows = [line for file in ("tcp", "tcp6") for line in Path(f"/proc/net/{file}").read_text().splitlines()]
    return [f":{row.split()[1].rpartition(':')[2]} " for row in rows if " 0A " in row]
