"""The program under a bound on its memory, for tests under load: a memory cgroup of version 1 or 2.

Where none can be made, `group_for` says why, for each version; `Confined` then bounds the data segment instead, which
counts memory that was reserved and never touched, and so is a weaker bound.
"""

import os
import resource
from pathlib import Path

from e2e.harness.server import BINARY, Server

MIB = 1 << 20
DOCUMENT = """apiVersion: history.ray.io/v1alpha1
kind: RayHistory
metadata: {{name: load, namespace: load}}
spec:
  storage: {{local: {{path: "{bucket}"}}}}
  cache: {{maxSessions: 10000, maxMemory: "{budget}Mi"}}
  loading: {{maxConcurrent: 4, requestTimeout: 25s}}
"""


class NoGroupError(Exception):
    """No memory cgroup can be made; the text says why."""


def hierarchies() -> list[tuple[int, Path]]:
    """The mounted hierarchies with a memory controller: the version, and a folder in which groups can be made."""
    own = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        where, _, what = line.partition(" - ")
        (root, mounted), (kind, _, options) = where.split()[3:5], what.split(" ", 2)
        if kind == "cgroup" and "memory" in options.split(","):
            within = next((path for names, path in own.items() if "memory" in names.split(",")), "/")
            found.append((1, Path(mounted), within, root))
        elif kind == "cgroup2":
            found.append((2, Path(mounted), own.get("", "/"), root))
    # At the top, and in the group of this process, as a delegated one is.
    places = []
    for version, mounted, path, root in found:
        inside = mounted / os.path.relpath(path, root) if path.startswith(root) else mounted
        places += [(version, place) for place in dict.fromkeys((mounted, inside)) if place.is_dir()]
    return places


def group_for(limit: int) -> Path:
    """Makes a group whose processes may hold so many bytes."""
    refused = []
    for version, place in hierarchies():
        group = place / f"ray-history-{os.getpid()}"
        try:
            if version == 2 and "memory" not in (place / "cgroup.subtree_control").read_text().split():
                (place / "cgroup.subtree_control").write_text("+memory")
            group.mkdir()
            (group / ("memory.limit_in_bytes" if version == 1 else "memory.max")).write_text(str(limit))
        except OSError as error:
            if group.is_dir():
                group.rmdir()
            refused.append(f"version {version} at {place}: {error.strerror}")
        else:
            return group
    reasons = "; ".join(refused) or "no hierarchy with a memory controller is mounted"
    raise NoGroupError(
        f"no memory cgroup can be made ({reasons}): run this as root where /sys/fs/cgroup can be written"
    )


class Confined(Server):
    """The program with a RayHistory of its own, under a limit; with `group_only`, in a group or not at all."""

    def __init__(self, document: Path, log: Path, limit: int, *, group_only: bool = False):
        super().__init__(Path(), log)
        self._command = [str(BINARY), "serve", "--config", str(document), "--listen", "127.0.0.1:0"]
        self._limit, self._group_only, self._group = limit, group_only, None

    def __enter__(self):
        try:
            self._group = group_for(self._limit)
            self.confinement = f"cgroup {self._group}"
        except NoGroupError as why:
            if self._group_only:
                raise
            self.confinement = f"RLIMIT_DATA, because {why}"
        try:
            self._start()
        except BaseException:
            self._remove_group()
            raise
        return self

    def _start(self):
        if self._group:
            super().__enter__()
        else:
            # Memory that is reserved and never touched counts as well.
            bound, hard = 2 * self._limit, resource.getrlimit(resource.RLIMIT_DATA)[1]
            resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
            try:
                super().__enter__()
            finally:
                resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, hard))
        self.pid = self._process.pid
        if self._group:
            (self._group / "cgroup.procs").write_text(str(self.pid))

    def __exit__(self, *error):
        try:
            super().__exit__(*error)
        finally:
            self._remove_group()

    def _remove_group(self):
        if self._group:
            self._group.rmdir()

    def resident(self) -> int:
        """Resident bytes."""
        return self.memory("VmRSS")

    def most_resident(self) -> int:
        """The most resident bytes that there ever were."""
        return self.memory("VmHWM")
