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
NODE = "RAY_HISTORY_RECORDING_NODE"
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
        self.group = 0
        """The Unix session of its processes, until all of them are killed."""

    def start(self, ray: Path, environment: dict, *flags: str, head: Path):
        """Starts it. `head` is the folder of the head, whose own folder is its own."""
        self.folder.mkdir(exist_ok=True)
        ports = [f"--{name}={port}" for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)]
        command = [str(ray), "start", "--block", f"--node-ip-address={self.ip}", f"--temp-dir={self.folder}"]
        command += ["--object-store-memory=200000000", "--num-cpus=2", "--disable-usage-stats", *ports, *flags]
        command += ["--min-worker-port=0", "--max-worker-port=0"]
        if self.folder != head and version(ray) < OWN_FOLDERS:
            command = [*AT_THE_HEADS_PATH, str(self.folder), str(head), *command]
        environment = environment | {"RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR": self.receiver.address}
        environment |= {NODE: self.ip}
        with self.folder.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        self.group = self.process.pid

    def logs(self, session: str) -> Path:
        return self.folder / session / "logs"


class Cluster:
    """A head and other nodes; a context manager that leaves no process behind."""

    def __init__(self, ray: Path, folder: Path, nodes: int, settings: dict[str, str] | None = None):
        """`settings` are further variables of Ray's."""
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
            **(settings or {}),
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
        for node in self.nodes:
            self.start(node)
            if node is self.nodes[0]:
                self._wait(node)
        self._wait(*self.nodes)

    def start(self, node: Node):
        """Starts a node, or starts it again in its folder. All others need the head."""
        number, head = self.nodes.index(node), self.nodes[0]
        if number:
            flags = f"--address=127.0.0.1:{self._port}", "--resources", json.dumps({f"worker{number}": 1})
        else:
            dashboard = "--include-dashboard=true", "--dashboard-host=127.0.0.1"
            ports = f"--port={self._port}", f"--ray-client-server-port={self._client}"
            flags = "--head", *ports, *dashboard, f"--dashboard-port={self.dashboard_port}"
        node.start(self._ray, self._environment, *flags, head=head.folder)

    def restart(self, node: Node):
        """Starts a node again, and waits until it is up under its new id."""
        former = node.id
        self.start(node)
        self._wait(node, former=former)

    def _wait(self, *nodes: Node, former: str = ""):
        """Waits until some nodes and their agents are up; takes over their ids, the session and the version."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            for node in nodes:
                assert node.process.poll() is None, node.folder.with_suffix(".log").read_text(errors="replace")
            try:
                rows = self.json("/nodes?view=summary")["data"]["summary"]
            except (OSError, ValueError):
                rows = []
            rows = [row["raylet"] for row in rows if row.get("hostname") and row["raylet"]["nodeId"] != former]
            up = {row["nodeManagerAddress"]: row["nodeId"] for row in rows if row["state"] == "ALIVE"}
            if all(node.ip in up for node in nodes):
                for node in nodes:
                    node.id = up[node.ip]
                version = self.json("/api/version")
                self.session, self.version = version["session_name"], version["ray_version"]
                return
            time.sleep(0.5)
        raise AssertionError(f"{len(nodes)} nodes did not start within {START_SECONDS} s")

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

    def stop(self, *nodes: Node):
        """Asks all nodes at once to end, as the deletion of a RayCluster does, or some; waits until they have."""
        nodes = [node for node in nodes or self.nodes if node.process.poll() is None]
        for node in nodes:
            node.process.send_signal(signal.SIGTERM)
        for node in nodes:
            node.process.wait(STOP_SECONDS)

    def kill(self, node: Node | None = None):
        """Ends the remaining processes of the cluster or of a node.

        They are in the Unix session of a node, or have marks in their environment: a job's driver has a session of its
        own, and a process of Ray that gives itself a title overwrites its environment.
        """
        nodes = [node] if node else self.nodes
        groups = {each.group for each in nodes if each.group}
        marks = {f"{MARK}={self._mark}".encode()} | ({f"{NODE}={node.ip}".encode()} if node else set())
        while left := [folder for folder in Path("/proc").glob("[0-9]*") if is_of(folder, groups, marks)]:
            for folder in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(folder.name), signal.SIGKILL)
            for each in self.nodes:
                if hasattr(each, "process"):
                    each.process.poll()
            time.sleep(0.1)
        for each in nodes:
            each.group = 0


def is_of(process: Path, groups: set[int], marks: set[bytes]) -> bool:
    """Returns True of a living process, a folder of /proc, in one of some Unix sessions or with all marks."""
    try:
        state, _, _, group = (process / "stat").read_text().rpartition(")")[2].split()[:4]
        variables = (process / "environ").read_bytes().split(b"\0")
        return state not in "ZX" and (int(group) in groups or marks <= set(variables))
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
