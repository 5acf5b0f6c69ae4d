"""Facts of a live dashboard that questions about details need: ids of nodes, jobs and actors, names of files."""

import itertools
import json
from dataclasses import dataclass

from .cluster import Cluster

ACTORS = 12
FUNCTIONS = 8
ATTEMPTS = 34


@dataclass
class Facts:
    """Everything in the order in which the dashboard lists it."""

    nodes: list[str]
    jobs: list[dict]
    actors: list[dict]
    tasks: list[dict]
    workers: list[dict]
    files: dict[str, list[str]]
    """Names of log files by node."""

    @classmethod
    def of(cls, cluster: Cluster) -> "Facts":
        def rows(path: str) -> list[dict]:
            return cluster.json(f"/api/v0/{path}?detail=1&limit=10000")["data"]["result"]["result"]

        nodes = [node.id for node in cluster.nodes]

        def listing(node: str) -> dict[str, list[str]]:
            """Returns the names of log files by group; none of a node that is dead."""
            status, _, body = cluster.ask(f"/api/v0/logs?node_id={node}")
            return json.loads(body)["data"]["result"] if status == 200 else {}

        return cls(
            nodes=nodes,
            jobs=cluster.json("/api/jobs/"),
            actors=rows("actors"),
            tasks=rows("tasks"),
            workers=rows("workers"),
            files={node: sorted(itertools.chain(*listing(node).values())) for node in nodes},
        )

    def job_ids(self) -> list[str]:
        """Returns the ids of jobs and of tasks' jobs, and one that none has."""
        of_jobs = {job["job_id"] for job in self.jobs if job["job_id"]}
        return [*sorted(of_jobs | {task["job_id"] for task in self.tasks}), "ffffffff"]

    def submissions(self) -> list[str]:
        return sorted(job["submission_id"] for job in self.jobs if job["submission_id"])

    def some_actors(self) -> list[str]:
        """Returns actors, one of each class, state and number of restarts first."""
        key = lambda actor: (actor["class_name"], actor["state"], actor["num_restarts"])  # noqa: E731
        return [actor["actor_id"] for actor in varied(self.actors, key, ACTORS)]

    def functions(self) -> list[str]:
        names = [task["func_or_class_name"] for task in self.tasks]
        plain, odd = sorted({n for n in names if n.isascii()}), sorted({n for n in names if not n.isascii()})
        return (odd[: FUNCTIONS // 2] + plain)[:FUNCTIONS]

    def attempts(self) -> list[dict]:
        """Returns attempts, one of each sort first: by type, state, error, attempt and log, then one of each name."""

        def sort(task: dict):
            log = task["task_log_info"] is not None
            return task["type"], task["state"], task["error_type"], task["attempt_number"], log, task["name"]

        first = varied(self.tasks, lambda task: sort(task)[:-1], ATTEMPTS)
        return sorted(first + varied([t for t in self.tasks if t not in first], sort, ATTEMPTS - len(first)), key=place)

    def some_files(self, node: str) -> list[str]:
        """Returns a few logs of workers, and those of Ray's own processes and of submissions' drivers."""
        files = self.files[node]
        written = [f for f in files if f.startswith("worker-") and f.endswith((".out", ".err"))]
        known = ("raylet.err", "raylet.out", "gcs_server.err", "runtime_env_agent.log")
        drivers = [f for f in files if f.startswith(("job-driver-", "runtime_env_setup-"))]
        return [*written[:: max(1, len(written) // 6)][:7], *(f for f in known if f in files), *drivers[:8]]

    def pids(self, node: str) -> list[int]:
        return [worker["pid"] for worker in self.workers if worker["node_id"] == node and worker["pid"]][:2]


def place(task: dict):
    return task["task_id"], task["attempt_number"]


def varied(rows: list[dict], key, count: int) -> list[dict]:
    """Returns up to `count` rows, the first of each key before any other."""
    seen, first, others = set(), [], []
    for row in rows:
        (others if key(row) in seen else first).append(row)
        seen.add(key(row))
    return (first + others)[:count]
