"""The product's own collector beside a node, in the place of the receiver."""

import contextlib
import gzip
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from e2e.harness.loopback import free_ports

from .cluster import Cluster, Node
from .store import Place

END_SECONDS = 60
POLL_SECONDS = 400
AT_REST_SECONDS = 100
"""A page that makes tasks is asked every 30 s, if the dashboard is quick, and a few times only."""
LOST_SECONDS = 60
OF_THE_DASHBOARD = {
    "_StatsActor.get_datasets",
    "TrainStateActor.get_train_runs",
    "TrainStateActor.get_train_run_attempts",
}
EXPORTED = ("SUBMISSION_JOB", "TRAIN_RUN", "TRAIN_RUN_ATTEMPT", "DATASET_METADATA", "DATASET_OPERATOR_EVENT")
EXPORTS = {
    "RAY_enable_export_api_write_config": ",".join(f"EXPORT_{name}" for name in (*EXPORTED, "DATASET_OPERATOR_SCHEMA"))
}
"""The variable of Ray by which it writes files of what no event tells, as docs/collector.md has it."""


class Collector:
    """A collector; a context manager that kills it at its end, if it still runs.

    `ray_tmp` is Ray's folder of the node; `folder` gets its log and its spool.
    """

    def __init__(self, program: Path, place: Place, ray_tmp: Path, folder: Path, *, dashboard: str = ""):
        """`dashboard` is the address of the head's, for the collector of the head."""
        self._program, self._place, self._ray_tmp, self._folder = program, place, ray_tmp, folder
        self._events, self._control = free_ports(2)
        self._dashboard = dashboard
        self.address = f"http://127.0.0.1:{self._events}/v1/events"
        self.control = f"http://127.0.0.1:{self._control}"
        self.bucket = place.bucket
        self.log = folder / "collector.log"

    def __enter__(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        self._place.bucket.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self._folder),
            "RAY_ROLE": "Head" if self._dashboard else "Worker",
            "RAY_CLUSTER_NAME": self._place.cluster,
            "RAY_CLUSTER_NAMESPACE": self._place.namespace,
            "EVENTS_PORT": str(self._events),
            "RAY_TMP_ROOT": str(self._ray_tmp),
            "RAY_DASHBOARD_ADDRESS": self._dashboard,
            "RAY_HISTORY_COLLECT_CONTROL_LISTEN": self.control.removeprefix("http://"),
            "RAY_HISTORY_COLLECT_LOCAL_DIR": str(self._place.bucket),
            "RAY_HISTORY_COLLECT_SPOOL": str(self._folder / "spool"),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self._program], env=environment, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        """Kills it, as a machine that is lost."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def get(self, path: str, seconds: float = 30) -> str:
        """Returns the answer of its port for Kubernetes."""
        with urllib.request.urlopen(self.control + path, timeout=seconds) as answer:
            return answer.read().decode()

    def memory(self) -> dict[str, int]:
        """Returns kibibytes: now, and the most so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        found = dict(line.split(":", 1) for line in lines)
        return {name: int(found[name].split()[0]) for name in ("VmRSS", "VmHWM", "RssAnon")}

    def end(self) -> tuple[int, float]:
        """Asks it to end; returns its status and the seconds that it took."""
        began = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        return self.process.wait(END_SECONDS), time.monotonic() - began


class Collected:
    """What the product's collectors store of a cluster, one beside each node."""

    def __init__(self, program: Path, place: Place, cluster: Cluster, folder: Path):
        """`folder` gets the collectors' logs. Called before the cluster starts."""
        self._place, self._cluster = place, cluster
        for number, node in enumerate(cluster.nodes):
            dashboard = "" if number else cluster.url
            node.receiver = Collector(program, place, node.folder, folder / str(number), dashboard=dashboard)

    @property
    def path(self) -> str:
        return self._place.path(self._cluster.session)

    def poll(self):
        """Waits until the head's collector has asked all that makes tasks in the session."""
        asked, since, end = -1, time.monotonic(), time.monotonic() + POLL_SECONDS
        while self._shows_lost_nodes() and time.monotonic() - since < LOST_SECONDS:
            time.sleep(1)
        while time.monotonic() - since < AT_REST_SECONDS and time.monotonic() < end:
            rows = self._cluster.json("/api/v0/tasks?limit=10000")["data"]["result"]["result"]
            if asked != (asked := sum(row["func_or_class_name"] in OF_THE_DASHBOARD for row in rows)):
                since = time.monotonic()
            time.sleep(2)

    def _shows_lost_nodes(self) -> bool:
        """Returns True while the dashboard takes a node for alive that is not."""
        lost = [node.id for node in self._cluster.nodes if node.process.poll() is not None]
        rows = self._cluster.json("/nodes?view=summary")["data"]["summary"]
        details = [self._cluster.json(f"/nodes/{node}")["data"]["detail"] for node in lost]
        shown = [row["raylet"] for row in (*rows, *details)]
        return any(raylet["nodeId"] in lost and raylet["state"] == "ALIVE" for raylet in shown)

    def lose(self, node: Node):
        """Kills a node with its collector, as when a machine is lost."""
        node.receiver.kill()
        self._cluster.kill(node)

    def end(self):
        """Calls the hooks, and kills Ray, so that nothing happens after the recorded answers; ends the collectors."""
        living = [node.receiver for node in self._cluster.nodes if node.receiver.process.poll() is None]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda collector: collector.get("/drain"), living))
            self._cluster.kill()
            ended = list(pool.map(Collector.end, living))
        assert [status for status, _ in ended] == [0] * len(living), ended

    def events(self) -> Iterator[dict]:
        """Returns the stored events."""
        for file in self._place.history(self._cluster.session).glob("*/*_events/**/*.jsonl.gz"):
            yield from map(json.loads, gzip.decompress(file.read_bytes()).splitlines())
