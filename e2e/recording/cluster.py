"""A Ray cluster of several nodes on this machine, on loopback addresses and free ports, ended by its process ids."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from e2e.harness.loopback import free_ports

from .receiver import Receiver

START_SECONDS = 90
STOP_SECONDS = 60
MARK = "RAY_HISTORY_RECORDING"
FLAGS = {
    "RAY_enable_ray_event": "1",
    "RAY_enable_core_worker_ray_event_to_aggregator": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
ALL_TYPES = (2, 54)
"""The first version that knows `ALL`."""
KINDS = ("TASK", "ACTOR_TASK", "DRIVER_JOB", "NODE", "ACTOR", "WORKER")
TYPES = [f"{kind}_{what}_EVENT" for kind in KINDS for what in ("DEFINITION", "LIFECYCLE")] + ["TASK_PROFILE_EVENT"]
"""The event types for a Ray that does not know `ALL`; it ignores names that it does not know."""
PORTS = (
    "node-manager-port",
    "object-manager-port",
    "runtime-env-agent-port",
    "dashboard-agent-grpc-port",
    "dashboard-agent-listen-port",
    "metrics-export-port",
)


OWN_FOLDERS = (2, 55)
"""From this version on, each node may have a folder of its own; before, all have the path of the head's."""
AT_THE_HEADS_PATH = ("unshare", "--mount", "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh")
"""Runs a command with a folder mounted at another path, which nothing else sees: as the nodes of pods, which have the
same paths on different disks."""


class Node:
    """One node: its process, its receiver, its folder."""

    def __init__(self, ip: str, folder: Path):
        self.ip = ip
        self.folder = folder
        self.receiver = Receiver()
        self.id = ""
        """The id in hex, once the node is up."""

    def start(self, ray: Path, environment: dict, *flags: str, head: Path):
        """Starts it. `head` is the folder of the head, whose own folder is its own."""
        self.folder.mkdir()
        ports = [f"--{name}={port}" for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)]
        command = [str(ray), "start", "--block", f"--node-ip-address={self.ip}", f"--temp-dir={self.folder}"]
        command += ["--object-store-memory=200000000", "--num-cpus=2", "--disable-usage-stats", *ports, *flags]
        command += ["--min-worker-port=0", "--max-worker-port=0"]
        if self.folder != head and version(ray) < OWN_FOLDERS:
            command = [*AT_THE_HEADS_PATH, str(self.folder), str(head), *command]
        environment = environment | {"RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR": self.receiver.address}
        with self.folder.with_suffix(".log").open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def logs(self, session: str) -> Path:
        return self.folder / session / "logs"


class Cluster:
    """A head and other nodes; a context manager that leaves no process behind."""

    def __init__(self, ray: Path, folder: Path, nodes: int):
        self._ray = ray
        self._mark = uuid.uuid4().hex
        self._environment = {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PATH": f"{ray.parent}:/usr/bin:/bin",
            "TZ": os.environ.get("TZ", ""),
            MARK: self._mark,
            "RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES": event_types(ray),
            **FLAGS,
        }
        self.nodes = [Node(f"127.0.0.{n + 1}", folder / f"n{n}") for n in range(nodes)]
        self._port, dashboard, self._client = free_ports(3)
        self.url = f"http://127.0.0.1:{dashboard}"
        self.dashboard_port = dashboard

    def __enter__(self):
        for node in self.nodes:
            node.receiver.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        for node in self.nodes:
            node.receiver.__exit__()

    def _start(self):
        head, *others = self.nodes
        head.start(
            self._ray,
            self._environment,
            "--head",
            f"--port={self._port}",
            "--include-dashboard=true",
            "--dashboard-host=127.0.0.1",
            f"--dashboard-port={self.dashboard_port}",
            f"--ray-client-server-port={self._client}",
            head=head.folder,
        )
        self._wait(1)
        for number, node in enumerate(others, 1):
            flags = f"--address=127.0.0.1:{self._port}", "--resources", json.dumps({f"worker{number}": 1})
            node.start(self._ray, self._environment, *flags, head=head.folder)
        ids = self._wait(len(self.nodes))
        for node in self.nodes:
            node.id = ids[node.ip]
        version = self.json("/api/version")
        self.session, self.version = version["session_name"], version["ray_version"]

    def _wait(self, count: int) -> dict[str, str]:
        """Waits until some nodes and their agents are up, and returns the nodes' ids by address."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            for node in self.nodes[:count]:
                assert node.process.poll() is None, node.folder.with_suffix(".log").read_text(errors="replace")
            try:
                rows = self.json("/nodes?view=summary")["data"]["summary"]
            except (OSError, ValueError):
                rows = []
            up = {row["raylet"]["nodeManagerAddress"]: row["raylet"]["nodeId"] for row in rows if row.get("hostname")}
            if len(up) == count:
                return up
            time.sleep(0.5)
        raise AssertionError(f"{count} nodes did not start within {START_SECONDS} s")

    def ask(self, path: str, body: dict | None = None) -> tuple[int, str, bytes]:
        """Returns status, content type and body of the dashboard's answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"} if data else {})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.headers.get("Content-Type") or "", answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Content-Type") or "", error.read()

    def json(self, path: str, body: dict | None = None):
        status, _, answer = self.ask(path, body)
        if status != 200:
            raise ValueError(f"{path}: {status} {answer[:300]!r}")
        return json.loads(answer)

    def stop(self):
        """Asks all nodes at once to end, as the deletion of a RayCluster does, and waits until they have."""
        for node in self.nodes:
            node.process.send_signal(signal.SIGTERM)
        for node in self.nodes:
            node.process.wait(STOP_SECONDS)

    def kill(self):
        """Ends the remaining processes of the cluster, which a mark in their environment identifies."""
        while left := [folder for folder in Path("/proc").glob("[0-9]*") if self._owns(folder)]:
            for folder in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(folder.name), signal.SIGKILL)
            for node in self.nodes:
                if hasattr(node, "process"):
                    node.process.poll()
            time.sleep(0.1)

    def _owns(self, process: Path) -> bool:
        try:
            return f"{MARK}={self._mark}".encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return False


def version(ray: Path) -> tuple[int, int]:
    """Returns the version of Ray. `ray` is its command line, in a virtual environment."""
    (installed,) = ray.parent.parent.glob("lib/python*/site-packages/ray-*.dist-info")
    major, minor = installed.name.removeprefix("ray-").split(".")[:2]
    return int(major), int(minor)


def event_types(ray: Path) -> str:
    """Returns the value that makes a Ray export everything."""
    return "ALL" if version(ray) >= ALL_TYPES else ",".join(TYPES)
