"""Every question that a recording asks the live dashboard: those of Ray's pages and command line, and some odd ones."""

from collections.abc import Iterator
from urllib.parse import quote

from .facts import Facts

ALL = "limit=10000"
DETAILS = "detail=1&limit=10000"
GLOBS = ("*", "worker*", "*.err", "events/*", "jobs/*", "serve/*", "train/*", "ray-data/*", "nope*")
LISTS = ("actors", "nodes", "jobs", "objects", "runtime_envs", "placement_groups", "cluster_events")
SMALL = (
    "/api/v0/cluster_metadata",
    "/timezone",
    "/api/version",
    "/api/authentication_mode",
    "/api/v0/platform_events",
    "/api/profiling_enabled",
    "/api/v0/runtime_env_redaction",
    "/usage_stats_enabled",
    "/api/grafana_health",
    "/api/prometheus_health",
    "/api/v0/nope",
    "/nope",
)


def where(*conditions: str) -> str:
    """Returns the query that filters by conditions such as state=FAILED or state!=FAILED."""
    parts = []
    for condition in conditions:
        key, _, value = condition.partition("=")
        predicate = "!=" if key.endswith("!") else "="
        parts.append(f"filter_keys={key.rstrip('!')}&filter_predicates={quote(predicate)}&filter_values={quote(value)}")
    return "&".join(parts)


def restless(facts: Facts) -> Iterator[str]:
    """Questions whose answers make tasks and drivers of the dashboard's own, to be asked well before all others."""
    yield "/api/serve/applications/"
    yield "/api/train/v2/runs/v1"
    yield from (f"/api/data/datasets/{job}" for job in facts.job_ids())


def questions(facts: Facts) -> Iterator[str]:
    """The paths to ask of a cluster at rest, in order."""
    yield from pages(facts)
    yield from tasks(facts)
    yield from workers(facts)
    yield from summaries(facts)
    yield from lists(facts)
    yield from logs(facts)
    yield from SMALL


def pages(facts: Facts) -> Iterator[str]:
    """The questions of the pages about nodes, jobs and actors."""
    yield "/nodes?view=summary"
    yield "/nodes?view=hostNameList"
    yield from (f"/nodes/{node}" for node in facts.nodes)
    yield "/api/jobs/"
    yield from (f"/api/jobs/{job['job_id']}" for job in facts.jobs if job["job_id"])
    yield from (f"/api/jobs/{submission}" for submission in facts.submissions())
    yield from (f"/api/jobs/{submission}/logs" for submission in facts.submissions())
    yield "/api/jobs/doesnotexist"
    actors = facts.some_actors()
    yield "/logical/actors"
    yield from (f"/logical/actors/{actor}" for actor in actors)
    yield f"/logical/actors?ids={','.join(actors[:3])}"
    yield f"/logical/actors/{'f' * 32}"
    yield "/events"
    yield from (f"/events?job_id={job}" for job in facts.job_ids()[:-1])
    yield "/api/cluster_status?format=1"
    yield "/api/cluster_status"


def tasks(facts: Facts) -> Iterator[str]:
    """The table of tasks, whole and filtered in every way."""
    table = "/api/v0/tasks"
    yield f"{table}?{DETAILS}"
    yield table
    for query in ("limit=3", "limit=0", f"{ALL}&exclude_driver=false&detail=1", f"{ALL}&exclude_driver=0"):
        yield f"{table}?{query}"
    for query in ("detail=true&limit=7", "timeout=30&limit=2", "limit=10001", "limit=abc"):
        yield f"{table}?{query}"
    yield f"{table}?{ALL}&detail=1&{where('state=failed')}"
    yield f"{table}?{ALL}&detail=1&{where('language=PYTHON')}"
    for condition in ("state=FAILED", "state!=FINISHED", "bogus=1", "task_id=zz", "type=ACTOR_TASK"):
        yield f"{table}?{ALL}&{where(condition)}"
    for condition in ("type=actor_creation_task", "attempt_number=1", "is_debugger_paused=False"):
        yield f"{table}?{ALL}&{where(condition)}"
    for error in sorted({task["error_type"] for task in facts.tasks if task["error_type"]}):
        yield f"{table}?{ALL}&{where(f'error_type={error}')}"
    yield f"{table}?{ALL}&{where('state=FAILED', 'type=NORMAL_TASK')}"
    for name in facts.functions():
        yield f"{table}?{ALL}&{where(f'func_or_class_name={name}')}"
        yield f"{table}?limit=100&{where(f'name={name}')}"
    yield from (f"{table}?{DETAILS}&{where(f'job_id={job}')}" for job in facts.job_ids())
    yield from (f"{table}?{ALL}&{where(f'node_id={node}')}" for node in facts.nodes)
    yield from (f"{table}?{ALL}&detail=1&{where(f'actor_id={actor}')}" for actor in facts.some_actors())
    for task in dict.fromkeys(attempt["task_id"] for attempt in facts.attempts()):
        yield f"{table}?detail=1&limit=1&{where(f'task_id={task}')}"


def workers(facts: Facts) -> Iterator[str]:
    """The table of workers."""
    table = "/api/v0/workers"
    yield table
    yield f"{table}?{DETAILS}"
    yield f"{table}?limit=1"
    for condition in (
        "is_alive=False",
        "is_alive=True",
        "worker_type=DRIVER",
        "exit_type=SYSTEM_ERROR",
        "exit_type=none",
    ):
        yield f"{table}?{ALL}&detail=1&{where(condition)}"
    yield from (f"{table}?{ALL}&{where(f'node_id={node}')}" for node in facts.nodes)
    for worker in [row["worker_id"] for row in facts.workers[-3:]]:
        yield f"{table}?detail=1&{where(f'worker_id={worker}')}"


def summaries(facts: Facts) -> Iterator[str]:
    """Summaries and timelines."""
    summary, timeline = "/api/v0/tasks/summarize", "/api/v0/tasks/timeline"
    yield summary
    yield from (f"{summary}?summary_by={kind}" for kind in ("func_name", "task_name", "lineage"))
    yield f"{summary}?{ALL}&{where('state=FAILED')}"
    yield f"{summary}?summary_by=lineage&{where('state=FAILED')}"
    yield "/api/v0/actors/summarize"
    yield "/api/v0/objects/summarize"
    yield timeline
    for job in facts.job_ids():
        yield f"{summary}?{where(f'job_id={job}')}"
        yield f"{summary}?summary_by=lineage&{where(f'job_id={job}')}"
        yield f"{timeline}?download=1&job_id={job}"


def lists(facts: Facts) -> Iterator[str]:
    """The questions of `ray list` and `ray get`."""
    for kind in LISTS:
        yield from (f"/api/v0/{kind}{query}" for query in ("", f"?{DETAILS}", "?limit=1"))
    yield f"/api/v0/actors?{ALL}&{where('state=DEAD')}"
    yield f"/api/v0/actors?{ALL}&detail=1&{where('state=ALIVE')}"
    yield from (f"/api/v0/actors?{ALL}&{where(f'job_id={job}')}" for job in facts.job_ids()[:-1])
    yield from (f"/api/v0/actors?detail=1&{where(f'actor_id={actor}')}" for actor in facts.some_actors()[:4])
    yield from (f"/api/v0/nodes?detail=1&{where(f'node_id={node}')}" for node in facts.nodes)
    yield f"/api/v0/nodes?{ALL}&{where('state=ALIVE')}"
    yield f"/api/v0/jobs?{ALL}&{where('status=FAILED')}"


def logs(facts: Facts) -> Iterator[str]:
    """Listings and contents of log files, by every way that leads to one."""
    file = "/api/v0/logs/file"
    for node in facts.nodes:
        yield f"/api/v0/logs?node_id={node}"
        yield from (f"/api/v0/logs?node_id={node}&glob={quote(glob)}" for glob in GLOBS)
        for name in facts.some_files(node):
            for rest in ("lines=-1", "lines=5", "lines=50&filter_ansi_code=true&download_filename=x.log"):
                yield f"{file}?node_id={node}&filename={quote(name)}&{rest}"
        yield f"{file}?node_id={node}&filename=nope.out"
    for actor in facts.some_actors():
        yield from (f"{file}?actor_id={actor}&suffix={suffix}&lines=-1" for suffix in ("out", "err"))
    for task in facts.attempts():
        asked = f"{file}?task_id={task['task_id']}&attempt_number={task['attempt_number']}"
        yield from (f"{asked}&suffix={suffix}&lines=-1" for suffix in ("out", "err"))
    for submission in facts.submissions():
        yield from (f"{file}?submission_id={submission}&lines={lines}" for lines in (-1, 2))
    for node in facts.nodes:
        yield from (f"{file}?node_id={node}&pid={pid}&lines=20" for pid in facts.pids(node))
    yield "/api/v0/logs?node_ip=127.0.0.1&glob=%2Aworker%2A"
    yield "/api/v0/logs"
    yield f"/api/v0/logs?node_id={'f' * 56}"
