"""One Ray session with both collectors beside each of its nodes, and what is measured of it."""

import re
import signal
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from e2e.collect.stored import Stored
from e2e.harness.versitygw import Versitygw
from e2e.recording.cluster import Cluster
from e2e.recording.submissions import Submission

from .losses import doubled, missing_bytes, missing_events, renamed
from .peer import NAMES, OURS, Peer
from .proxy import between, counts
from .tee import Tee

READY_SECONDS = 180
AFTER_WORK_SECONDS = 30
REWRITTEN = "debug_state"
"""Files that Ray writes anew in place have no bytes that could be lost."""


@dataclass(frozen=True)
class Scene:
    """What happens: work at a rate for some seconds, perhaps a store that is away, and an end."""

    seconds: float
    rate: float
    end: str
    away: tuple[float, float] | None = None
    """From when to when the store is away, in seconds after the begin."""
    nodes: int = 1
    while_working: bool = True
    """Whether the end comes in the middle of work."""
    grace: float = 30
    """The grace period of the pod, in seconds: that of Kubernetes, unless the pod has another one."""


SCENES = {
    "signal": Scene(450, 20, "signal"),
    # As our collector is installed.
    "hook": Scene(450, 20, "hook", grace=60),
    "kill": Scene(450, 20, "kill"),
    "outage": Scene(900, 150, "signal", away=(120, 720), while_working=False),
    "idle": Scene(3600, 0, "signal", nodes=2),
    "busy": Scene(3600, 5, "signal", nodes=2),
}


class Side:
    """Both collectors beside one node, and the tee before them: the receiver of the node."""

    def __init__(self, programs: dict[str, Path], folder: Path, server: int, first: str):
        self.peers = {name: Peer(name, programs[name], folder / f"{folder.name}-{name}", server) for name in NAMES}
        second = next(name for name in NAMES if name != first)
        self.tee = Tee(self.peers[first].port, self.peers[second].port)
        self.address = self.tee.address
        self.first = first
        self._folder = folder

    def __enter__(self):
        self._folder.mkdir()
        with ExitStack() as stack:
            for each in (self.tee, *self.peers.values()):
                stack.enter_context(each)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()


class Play:
    """A scene that is being played on a running cluster."""

    def __init__(self, scene: Scene, cluster: Cluster, sides: list[Side]):
        self._scene, self._cluster, self._sides = scene, cluster, sides
        self._peers = [peer for side in sides for peer in side.peers.values()]
        self.seen: dict = {}
        self.lengths: dict[Path, int] = {}
        """Lengths of logs when the node was lost; without one, a log counts as it is at last."""

    def run(self):
        deadline = time.monotonic() + READY_SECONDS
        while not all(peer.ready() for peer in self._peers):
            assert time.monotonic() < deadline, "a collector does not take events"
            time.sleep(0.5)
        self.seen |= {"began": time.time(), "used": self._used()}
        began = time.monotonic()
        self._work()
        for at, is_away in self._changes():
            time.sleep(max(0, began + at - time.monotonic()))
            for peer in self._peers:
                (peer.proxy.away.set if is_away else peer.proxy.away.clear)()
        time.sleep(max(0, began + self._scene.seconds - time.monotonic()))
        if not self._scene.while_working:
            self._submission.wait(self._cluster)
            time.sleep(AFTER_WORK_SECONDS)
        self.seen |= {"ended": time.time(), "used at end": self._used()}
        self.seen["counters"] = [ray_counters(node.logs(self._cluster.session).parent) for node in self._cluster.nodes]
        self._end()

    def _work(self):
        if self._scene.rate:
            # A session that ends in the middle of work has more of it than time.
            seconds = self._scene.seconds + (600 if self._scene.while_working else 0)
            script = Path(__file__).with_name("workload.py")
            self._submission = Submission("work", command=f"python {script} {self._scene.rate} {seconds}")
            self._submission.submit(self._cluster, Path(), Path())

    def _changes(self) -> list[tuple[float, bool]]:
        return list(zip(self._scene.away, (True, False), strict=True)) if self._scene.away else []

    def _used(self) -> dict[str, list[float]]:
        return {name: [side.peers[name].used() for side in self._sides] for name in NAMES}

    def _end(self):
        """Ends Ray and both collectors as the scene says, those of ours with the hook when Ray has ended."""
        deadline = time.monotonic() + self._scene.grace
        ours = [side.peers[OURS] for side in self._sides]
        theirs = [peer for peer in self._peers if peer not in ours]
        if self._scene.end == "kill":
            # All at once: what Ray posts and writes while its processes are looked for does not count.
            for side in self._sides:
                side.tee.close()
            self._signal(self._peers, signal.SIGKILL)
            self.lengths = self._log_lengths()
            self._cluster.kill()
        elif self._scene.end == "hook":
            self._signal(theirs, signal.SIGTERM)
            with ThreadPoolExecutor() as hooks:
                list(hooks.map(Peer.drain, ours))
        else:
            self._signal(self._peers, signal.SIGTERM)
        self._end_ray(deadline)
        self.seen["ray ended"] = time.time()
        for side in self._sides:
            side.tee.follower.end()
        if self._scene.end == "hook":
            self._signal(ours, signal.SIGTERM)
        for peer in self._peers:
            peer.wait(max(0, deadline - time.monotonic()))
        self.seen["all ended"] = time.time()
        self._cluster.kill()

    def _log_lengths(self) -> dict[Path, int]:
        folders = [node.logs(self._cluster.session) for node in self._cluster.nodes]
        return {file: file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file()}

    def _end_ray(self, deadline: float):
        rays = [node.process for node in self._cluster.nodes]
        for ray in rays:
            if ray.poll() is None:
                ray.send_signal(signal.SIGTERM)
        while any(ray.poll() is None for ray in rays) and time.monotonic() < deadline:
            time.sleep(0.02)
        for ray in rays:
            ray.kill()

    @staticmethod
    def _signal(peers: list[Peer], number: signal.Signals):
        for peer in peers:
            peer.send(number)


def ray_counters(session: Path) -> dict[str, float]:
    """Returns the counters of events of a node's agent."""
    (file,) = session.glob("metrics_export_port_*")
    with urllib.request.urlopen(f"http://127.0.0.1:{file.read_text().strip()}/metrics", timeout=10) as answer:
        return agent_counters(answer.read().decode())


def agent_counters(page: str) -> dict[str, float]:
    """Returns what an agent's page says of events: received, published, and so on."""
    found = Counter()
    for name, value in re.findall(r"^ray_aggregator_agent_(\w*)_total\{.*\} (\S+)$", page, re.MULTILINE):
        found[name] += float(value)
    return dict(found)


def measure(play: Play, cluster: Cluster, sides: list[Side], store: Versitygw) -> dict:
    """Returns all that is known of a scene that has been played."""
    seen = play.seen | {"session": cluster.session, "nodes": []}
    for node, side in zip(cluster.nodes, sides, strict=True):
        folder = node.logs(cluster.session)
        logs = {
            str(file.relative_to(folder)): file.read_bytes()[: play.lengths.get(file)]
            for file in folder.rglob("*")
            if file.is_file() and not file.is_symlink() and not file.name.startswith(REWRITTEN)
            if not play.lengths or file in play.lengths
        }
        row = {
            "id": node.id,
            "posted": len(side.tee.posted),
            "posted bytes": side.tee.posted_bytes,
            "refused": {side.first: side.tee.refused, "other": side.tee.follower.refused},
            "dropped before the other": side.tee.follower.dropped,
            "logs": len(logs),
            "log bytes": sum(map(len, logs.values())),
            "peers": {},
        }
        for name, peer in side.peers.items():
            stored = Stored(store.buckets / name, cluster.session, node.id)
            ids = [event["eventId"] for event in stored.events()]
            lost = missing_events(side.tee.posted, ids)
            lacking = missing_bytes(logs, renamed(stored.log_pieces(), stored.names_at_end()))
            requests = list(peer.proxy.requests)
            steady = between(requests, seen["began"], seen["ended"])
            row["peers"][name] = {
                "events lost": len(lost),
                "of them before the end": sum(side.tee.posted[each] < seen["ended"] for each in lost),
                "events doubled": doubled(ids),
                "log bytes lost": sum(lacking.values()),
                "logs lacking": dict(sorted(lacking.items(), key=lambda each: -each[1])[:20]),
                "cpu": peer.seconds,
                "peak": peer.peak,
                "starts": peer.starts,
                "exit": peer.exit,
                "counts": counts(requests),
                "counts of the time": counts([each for each in steady if each.status]),
                "unanswered": sum(not each.status for each in requests),
                "up": sum(each.up for each in requests if each.status),
                "down": sum(each.down for each in requests),
                "requests": [
                    [round(each.at - seen["began"], 2), each.operation, each.kind, each.up, each.status]
                    for each in requests
                ],
            }
        seen["nodes"].append(row)
    return seen


def run(scene: Scene, programs: dict[str, Path], ray: Path, folder: Path, first: str) -> dict:
    """Plays a scene and returns what was measured. `folder` has a short path, for Ray's sockets."""
    with Versitygw(folder / "store", NAMES) as store:
        cluster = Cluster(ray, folder, scene.nodes)
        sides = []
        for number, node in enumerate(cluster.nodes):
            side = Side(programs, folder / f"s{number}", store.port, first)
            for peer in side.peers.values():
                role = "Worker" if number else "Head"
                peer.beside(node.ip, cluster.nodes[0].ip, node.folder, cluster.url, role)
            node.receiver = side
            sides.append(side)
        with cluster:
            play = Play(scene, cluster, sides)
            play.run()
            return measure(play, cluster, sides, store)
