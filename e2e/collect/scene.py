"""A real Ray of one node with a collector beside it, on loopback addresses of its own, that ends in one of some ways.

usage: python -m e2e.collect.scene --collector PROGRAM --ray PROGRAM --into DIR --end hook|signal|kill

DIR gets bucket/, collector.log, and ended.json with what was seen at the end.
"""

import argparse
import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from e2e.recording.cluster import Cluster, free_ports
from e2e.recording.network import alone
from e2e.recording.submissions import Submission

CLUSTER, NAMESPACE = "train", "ml"
END_SECONDS = 60
ANSWERS_SECONDS = 60
ONCE = {"restful__timezone", "restful__api__v0__cluster_metadata"}
WORK = "import ray; ray.init(); f = ray.remote(lambda x: print('line', x)); ray.get([f.remote(i) for i in range(200)])"


class Collector:
    """The collector, in the place of the recording's receiver; a context manager."""

    def __init__(self, program: Path, folder: Path):
        self._program, self._folder = program, folder
        self._events, self._control = free_ports(2)
        self.address = f"http://127.0.0.1:{self._events}/v1/events"
        self.control = f"http://127.0.0.1:{self._control}"
        self.dashboard = ""
        self.ray_tmp = Path()

    def __enter__(self):
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self._folder),
            "RAY_ROLE": "Head",
            "RAY_CLUSTER_NAME": CLUSTER,
            "RAY_CLUSTER_NAMESPACE": NAMESPACE,
            "EVENTS_PORT": str(self._events),
            "RAY_TMP_ROOT": str(self.ray_tmp),
            "RAY_DASHBOARD_ADDRESS": self.dashboard,
            "RAY_HISTORY_COLLECT_CONTROL_LISTEN": self.control.removeprefix("http://"),
            "RAY_HISTORY_COLLECT_LOCAL_DIR": str(self._folder / "bucket"),
            "RAY_HISTORY_COLLECT_SPOOL": str(self._folder / "spool"),
        }
        (self._folder / "bucket").mkdir()
        with (self._folder / "collector.log").open("wb") as log:
            self.process = subprocess.Popen([self._program], env=environment, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def get(self, path: str, seconds: float = 30) -> str:
        with urllib.request.urlopen(self.control + path, timeout=seconds) as answer:
            return answer.read().decode()

    def memory(self) -> dict[str, int]:
        """Returns kibibytes: now, and the most so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        found = dict(line.split(":", 1) for line in lines)
        return {name: int(found[name].split()[0]) for name in ("VmRSS", "VmHWM", "RssAnon")}

    def await_answers(self):
        """Waits until what is asked once in a session is stored: a busy dashboard is asked slowly."""
        deadline = time.monotonic() + ANSWERS_SECONDS
        while not {file.name for file in self._folder.glob("bucket/**/fetched_endpoints/*")} >= ONCE:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the dashboard's answers are not stored after {ANSWERS_SECONDS} s")
            time.sleep(0.2)

    def end(self) -> tuple[int, float]:
        """Asks it to end; returns its status and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS), time.monotonic() - began


def play(collector: Collector, cluster: Cluster, end: str) -> dict:
    """Runs a job, ends Ray and the collector, and returns what was seen."""
    submission = Submission("work", command=f'python -c "{WORK}"')
    submission.submit(cluster, Path(), Path())
    seen = {"session": cluster.session, "node": cluster.nodes[0].id, "status": submission.wait(cluster)}
    collector.await_answers()
    seen |= {"health": collector.get("/healthz"), "memory": collector.memory(), "metrics": collector.get("/metrics")}
    began = time.monotonic()
    if end == "hook":
        seen["drained"] = collector.get("/drain")
        seen["drain seconds"] = time.monotonic() - began
    ray = cluster.nodes[0].process
    if end == "kill":
        cluster.kill()
    elif end == "signal":
        # Both at once, as a pod's ordinary containers are told to end.
        ray.send_signal(signal.SIGTERM)
    else:
        cluster.stop()
    seen["exit"], seen["end seconds"] = collector.end()
    with contextlib.suppress(subprocess.TimeoutExpired):
        ray.wait(END_SECONDS)
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collector", type=Path, required=True)
    parser.add_argument("--ray", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--end", choices=["hook", "signal", "kill"], required=True)
    arguments = parser.parse_args()
    alone("e2e.collect.scene")
    # Sockets have short paths only.
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    try:
        cluster = Cluster(arguments.ray.absolute(), folder, 1)
        collector = Collector(arguments.collector.absolute(), arguments.into.absolute())
        collector.dashboard, collector.ray_tmp = cluster.url, cluster.nodes[0].folder
        cluster.nodes[0].receiver = collector
        with cluster:
            seen = play(collector, cluster, arguments.end)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (arguments.into / "ended.json").write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
