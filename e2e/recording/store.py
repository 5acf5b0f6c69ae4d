"""Writes a recorded session where KubeRay's v1.7 collector would have put it."""

import shutil
from pathlib import Path

from .cluster import Cluster

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


class Store:
    """A session's part of a bucket."""

    def __init__(self, bucket: Path, namespace: str, name: str, session: str):
        self._marker = bucket / "cluster-metadata" / "raycluster" / f"{namespace}_{name}" / session
        self._history = bucket / "cluster-history" / "raycluster" / namespace / name / session
        self.path = f"sessions/{namespace}/{name}/{session}"
        """The path below a history server."""

    def poll(self, cluster: Cluster):
        jobs = [job["job_id"] for job in cluster.json("/api/jobs/") if job["job_id"]]
        old = tuple(map(int, cluster.version.split(".")[:2])) < ALL_PROFILE_EVENTS
        tasks = [TASKS] if old else []
        for path in (*POLLED, *tasks, *(f"/api/data/datasets/{job}" for job in jobs)):
            status, _, body = cluster.ask(path)
            if status == 200:
                write(self._history / "fetched_endpoints" / f"restful__{path.strip('/').replace('/', '__')}", body)

    def logs(self, cluster: Cluster):
        """Copies the regular files of each node's folder of logs."""
        for node in cluster.nodes:
            source, target = node.logs(cluster.session), self._history / node.id / "logs"
            for file in sorted(source.rglob("*")):
                if file.is_file() and not file.is_symlink():
                    copy = target / file.relative_to(source)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)

    def events(self, cluster: Cluster):
        for node in cluster.nodes:
            for file in node.receiver.files:
                write(self._history / node.id / file.name(node.id), file.content())

    def mark(self):
        """Writes the marker, by which readers find the session."""
        write(self._marker, b"")


def write(path: Path, body: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
