"""The ways in which a Ray with collectors ends, each a function that returns what was seen."""

import contextlib
import re
import signal
import time
import urllib.request
from pathlib import Path

from e2e.harness.server import wait_until
from e2e.recording.cluster import Cluster, Node
from e2e.recording.collector import Collector
from e2e.recording.submissions import Submission

END_SECONDS = 60
ANSWERS_SECONDS = 60
ONCE = {"restful__timezone", "restful__api__v0__cluster_metadata"}
TASKS = (
    "import ray; ray.init(); f = ray.remote(lambda x: print('line', x)); ray.get([f.remote(i) for i in range({count})])"
)
ON_WORKERS = """
import ray, time
ray.init()
f = ray.remote(lambda x: (print('line', x), time.sleep(0.02)))
name = lambda i: 'worker%d' % (i % {workers} + 1)
ray.get([f.options(num_cpus=0.1, resources={{name(i): 0.01}}).remote(i) for i in range({count})])
"""
DROPPED = re.compile(r"^ray_aggregator_agent_queue_dropped_events_total\{(.*)\} (\S+)", re.MULTILINE)


def submit(cluster: Cluster, name: str, program: str) -> Submission:
    """Starts a job."""
    script = cluster.nodes[0].folder / f"{name}.py"
    script.write_text(program)
    submission = Submission(name, command=f"python {script}")
    submission.submit(cluster, Path(), Path())
    return submission


def run(cluster: Cluster, name: str, program: str) -> str:
    """Runs a job, and returns its status."""
    return submit(cluster, name, program).wait(cluster)


def begin(cluster: Cluster) -> dict:
    """Runs a job until all of it is stored that a session is asked for once, and returns who is there."""
    collector = cluster.nodes[0].receiver
    seen = {"session": cluster.session, "nodes": [node.id for node in cluster.nodes]}
    seen["status"] = run(cluster, "work", TASKS.format(count=200))
    folder = collector.bucket
    wait_until(lambda: {file.name for file in folder.glob("**/fetched_endpoints/*")} >= ONCE, ANSWERS_SECONDS)
    return seen | {
        "health": collector.get("/healthz"),
        "memory": collector.memory(),
        "metrics": collector.get("/metrics"),
    }


def drain(collector: Collector) -> dict:
    """Calls the hook."""
    began = time.monotonic()
    return {"drained": collector.get("/drain"), "drain seconds": time.monotonic() - began}


def close(node: Node) -> dict:
    """Ends the collector of a node whose Ray has ended or was told to."""
    seen = dict(zip(("exit", "end seconds"), node.receiver.end(), strict=True))
    with contextlib.suppress(AssertionError):  # It may go on: the end of the cluster kills it.
        wait_until(lambda: node.process.poll() is not None, END_SECONDS)
    return seen


def hook(cluster: Cluster) -> dict:
    """As a pod with the hook ends: the hook, then Ray, then the collector."""
    seen = begin(cluster) | drain(cluster.nodes[0].receiver)
    cluster.stop()
    seen["ray ended"] = time.time()
    return seen | close(cluster.nodes[0])


def by_signal(cluster: Cluster) -> dict:
    """Both are told to end at once, as a pod's ordinary containers are."""
    seen = begin(cluster)
    cluster.nodes[0].process.send_signal(signal.SIGTERM)
    return seen | close(cluster.nodes[0])


def kill(cluster: Cluster) -> dict:
    """Ray is killed."""
    seen = begin(cluster)
    cluster.kill()
    return seen | close(cluster.nodes[0])


def several(cluster: Cluster) -> dict:
    """Of three nodes one is lost with its collector in the middle of work, one ends before the head."""
    seen = begin(cluster)
    head, lost, early = cluster.nodes
    submit(cluster, "workers", ON_WORKERS.format(workers=2, count=2000))
    logged = lambda node: any(file.stat().st_size for file in node.logs(cluster.session).glob("worker-*.out"))  # noqa: E731
    wait_until(lambda: logged(lost) and logged(early), 60)
    time.sleep(12)  # More than the interval of flushes.
    lost.receiver.kill()
    seen["lost at"] = time.time()
    cluster.kill(lost)
    seen["early"] = drain(early.receiver)
    cluster.stop(early)
    seen["early"] |= close(early)
    cluster.ask("/api/jobs/workers/stop", {})
    seen["after"] = run(cluster, "after", TASKS.format(count=20))
    seen |= drain(head.receiver)
    cluster.stop(head)
    return seen | close(head)


def dropped(cluster: Cluster) -> dict:
    """The collector stands still for a while, and Ray's ring is small."""
    head = cluster.nodes[0]
    seen = begin(cluster)
    head.receiver.process.send_signal(signal.SIGSTOP)
    seen["burst"] = run(cluster, "burst", TASKS.format(count=300))
    head.receiver.process.send_signal(signal.SIGCONT)
    wait_until(lambda: own_count(cluster) == own_count(cluster, 1.5), 60)
    seen["dropped"] = own_count(cluster)
    seen |= drain(head.receiver)
    cluster.stop()
    return seen | close(head)


def restarted(cluster: Cluster) -> dict:
    """A worker's Ray restarts beside its collector, and then the head's: a second raylet, and a second session."""
    seen = {"first": begin(cluster)}
    head, worker = cluster.nodes
    cluster.kill(worker)
    cluster.restart(worker)
    seen["second raylet"] = worker.id
    seen["second"] = run(cluster, "second", ON_WORKERS.format(workers=1, count=20))
    cluster.kill()
    cluster.restart(head)
    cluster.restart(worker)
    seen |= {"session": cluster.session, "nodes": [head.id, worker.id]}
    seen["third"] = run(cluster, "third", TASKS.format(count=20))
    seen["early"] = drain(worker.receiver)
    seen |= drain(head.receiver)
    cluster.stop()
    seen["early"] |= close(worker)
    return seen | close(head)


def own_count(cluster: Cluster, after: float = 0.0) -> dict[str, int]:
    """Returns how many events the head's agent says that it dropped, by type, after some seconds."""
    time.sleep(after)
    (file,) = cluster.nodes[0].folder.glob("session_2*/metrics_export_port_*")
    with urllib.request.urlopen(f"http://127.0.0.1:{file.read_text().strip()}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    counts = {}
    for labels, value in DROPPED.findall(text):
        found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if found["consumer"].startswith("http_"):
            counts[found["event_type"]] = counts.get(found["event_type"], 0) + int(float(value))
    return counts


PLAYS = {
    "hook": (1, hook),
    "signal": (1, by_signal),
    "kill": (1, kill),
    "several": (3, several),
    "dropped": (1, dropped),
    "restarted": (2, restarted),
}
"""The number of nodes and the function of each way."""
SETTINGS = {"dropped": {"RAY_DASHBOARD_AGGREGATOR_AGENT_MAX_EVENT_BUFFER_SIZE": "200"}}
"""Variables of Ray's."""
