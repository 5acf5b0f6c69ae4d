"""Writes a recorded session where KubeRay's v1.7 collector would have put it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .cluster import Cluster, Node

# The questions of the head's collector to the dashboard; it stores only answers of status 200.
POLLED = (
    "/timezone",
    "/api/v0/cluster_metadata",
    "/api/v0/placement_groups?detail=1&limit=10000",
    "/api/serve/applications/",
)

TASKS = "/api/v0/tasks?detail=1&limit=10000"
"""Polled before Ray 2.55, whose events lack most profile events, because docs/collecting.md advises it."""
ALL_PROFILE_EVENTS = (2, 55)


@dataclass
class Place:
    """The place of a cluster's sessions in a bucket."""

    bucket: Path
    namespace: str
    cluster: str

    def marker(self, session: str) -> Path:
        return self.bucket / "cluster-metadata" / "raycluster" / f"{self.namespace}_{self.cluster}" / session

    def history(self, session: str) -> Path:
        return self.bucket / "cluster-history" / "raycluster" / self.namespace / self.cluster / session

    def path(self, session: str) -> str:
        """Returns the path of a session below a history server."""
        return f"sessions/{self.namespace}/{self.cluster}/{session}"


class Store:
    """What KubeRay's collectors store of a cluster that is recorded."""

    def __init__(self, place: Place, cluster: Cluster, *, logs_first: bool):
        """`logs_first`: logs are copied before the nodes are asked to end, not after."""
        self._place, self._cluster, self._logs_first = place, cluster, logs_first

    @property
    def path(self) -> str:
        return self._place.path(self._cluster.session)

    @property
    def _history(self) -> Path:
        return self._place.history(self._cluster.session)

    def poll(self):
        """Stores what the head's collector asks the dashboard."""
        cluster = self._cluster
        jobs = [job["job_id"] for job in cluster.json("/api/jobs/") if job["job_id"]]
        old = tuple(map(int, cluster.version.split(".")[:2])) < ALL_PROFILE_EVENTS
        tasks = [TASKS] if old else []
        for path in (*POLLED, *tasks, *(f"/api/data/datasets/{job}" for job in jobs)):
            status, _, body = cluster.ask(path)
            if status == 200:
                write(self._history / "fetched_endpoints" / f"restful__{path.strip('/').replace('/', '__')}", body)

    def lose(self, node: Node):
        """Kills a node. Its collector outlives it."""
        self._cluster.kill(node)

    def end(self):
        """Ends the cluster, and stores what is left."""
        for node in self._cluster.nodes:
            node.receiver.close()  # KubeRay's collector refuses events as well once it is asked to end
        if self._logs_first:
            self._logs()
        self._cluster.stop()
        if not self._logs_first:
            self._logs()
        for node in self._cluster.nodes:
            for file in node.receiver.files:
                write(self._history / node.id / file.name(node.id), file.content())
        write(self._place.marker(self._cluster.session), b"")

    def events(self) -> Iterator[dict]:
        """Returns the stored events."""
        return (event for node in self._cluster.nodes for file in node.receiver.files for event in file.events)

    def _logs(self):
        """Copies the regular files of each node's folder of logs."""
        for node in self._cluster.nodes:
            source, target = node.logs(self._cluster.session), self._history / node.id / "logs"
            for file in sorted(source.rglob("*")):
                if file.is_file() and not file.is_symlink():
                    copy = target / file.relative_to(source)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)


def write(path: Path, body: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
