"""Scores the share of a live Ray dashboard's answers that a server reproduces for the same, now dead, session.

A recording holds index.json and NNNN.body files: requests made to the live dashboard shortly before the cluster ended,
with its answers. Each request is sent again to a history server, and both answers are compared leaf by leaf: objects in
lists are aligned by their ids (a row too many counts as a difference, as a row too few does), lists of names compare as
sets, numbers by value, JSON held in strings as JSON, log files line by line, timeline times to one microsecond, start
and end times of jobs and actors to ten milliseconds (events carry them a little later than the live process notes
them).

Left out, because no stored byte can answer them: live usage figures of nodes, workers and actors, ports and socket
paths, empty folders, and log files that Ray's own processes were still writing. Summaries that the live server cut at
10,000 tasks are left out too: a history server should count them all.

This is a port of the scorer that came with the recordings; it must give the same numbers.
"""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from e2e.harness.service import get

# Class of endpoint and the paths in it; the first that matches counts.
CLASSES = [
    ("timeline", r"^/api/v0/tasks/timeline"),
    ("task lineage", r"^/api/v0/tasks/summarize.*lineage"),
    ("task summary", r"^/api/v0/tasks/summarize"),
    ("tasks", r"^/api/v0/tasks"),
    ("actor detail", r"^/logical/actors/"),
    ("actors (dashboard)", r"^/logical/actors"),
    ("actors (state API)", r"^/api/v0/actors"),
    ("nodes (state API)", r"^/api/v0/nodes"),
    ("nodes (dashboard)", r"^/nodes"),
    ("jobs (state API)", r"^/api/v0/jobs"),
    ("job logs", r"^/api/jobs/[^/]+/logs"),
    ("jobs (dashboard)", r"^/api/jobs"),
    ("workers", r"^/api/v0/workers"),
    ("runtime envs", r"^/api/v0/runtime_envs"),
    ("placement groups", r"^/api/v0/placement_groups"),
    ("objects", r"^/api/v0/objects"),
    ("log listing", r"^/api/v0/logs(\?|$)"),
    ("log by task", r"^/api/v0/logs/\w+\?task_id"),
    ("log by actor", r"^/api/v0/logs/\w+\?actor_id"),
    ("log by submission", r"^/api/v0/logs/\w+\?submission_id"),
    ("log by file or pid", r"^/api/v0/logs/"),
    ("events", r"^/events"),
    ("cluster status", r"^/api/cluster_status"),
    ("serve", r"^/api/serve"),
    ("data", r"^/api/data"),
    ("train", r"^/api/train"),
    (
        "small pages",
        r"^/(timezone|api/(version|v0/cluster_metadata|authentication_mode|profiling_enabled|v0/runtime_env_redaction))",
    ),
]
REFUSED = "questions the live server refused"

# Requests whose live answer is not one to reproduce.
SKIP = re.compile(r"node_id=f{56}|filename=nope|^/api/v0/logs$|^/api/cluster_status$|[?&]pid=")

ACTOR = (
    r"(actorId|jobId|placementGroupId|state|pid|address|name|className|actorClass|numRestarts|startTime|endTime"
    r"|reprName|callSite|labelSelector|fallbackStrategy|exitDetail|requiredResources)\b"
)
RAYLET = (
    r"raylet\.(nodeId|nodeManagerAddress|nodeManagerHostname|nodeName|instanceId|nodeTypeName|instanceTypeName"
    r"|startTimeMs|endTimeMs|isHeadNode|labels|resourcesTotal|state|stateMessage|deathInfo)\b"
)
# Answers of which only some leaves can be known after the cluster is gone: these, and no others, are compared.
COMPARED = [
    (
        r"^/nodes",
        rf"^(result|msg)|hostNameList|(summary\[\]|detail)\.(hostname|ip|{RAYLET}|actors\.\*\.{ACTOR})",
    ),
    (r"^/logical/actors", rf"^(result|msg)|(actors\.\*|detail)\.{ACTOR}"),
    (
        r"^/api/v0/workers",
        r"^(?!.*(debugger_port|num_paused_threads|worker_launch_time_ms|worker_launched_time_ms))",
    ),
    (r"^/api/v0/runtime_envs", r"^(result|msg)|runtime_env\b"),
    (r"^/api/v0/objects", r"^(result|msg)"),
    (r"^/api/serve", r"^(?!controller_health_metrics|target_groups)"),
    (r"^/api/data", r"^(?!.*(ray_data_|progress))"),
]
# Still written by Ray's own processes after the answer was recorded: compared as whole files, up to the recorded end.
GROWING = re.compile(r"filename=(raylet|gcs_server|dashboard|monitor|log_monitor|runtime_env|agent)")
# Object stores keep no empty folders.
EMPTY_FOLDERS = ("nsight/", "profiles/", "rocprof_sys/", "old/")

# The fields that identify an object of a list: the first row that an object has all of.
IDS = [
    ("task_id", "attempt_number"),
    ("actor_id",),
    ("actorId",),
    ("worker_id",),
    ("placement_group_id",),
    ("node_id",),
    ("event_id",),
    ("eventId",),
    ("submission_id", "job_id"),
    ("job_id",),
    ("dataset",),
    ("operator",),
    ("replica_id",),
    ("row",),
    ("key",),
    ("state", "created_ms"),
    ("event_name", "start_time"),
    ("name",),
]
MISSING = "<missing>"


@dataclass
class Scores:
    """Leaves compared and leaves equal, class by class, and what differed."""

    equal: Counter = field(default_factory=Counter)
    compared: Counter = field(default_factory=Counter)
    differences: dict = field(default_factory=lambda: defaultdict(list))
    """(class, where in the answer) to a list of (question, live value, value here)."""

    def percent(self) -> dict[str, float]:
        """Score of each class that was asked for."""
        classes = [name for name, _ in CLASSES] + [REFUSED]
        return {c: 100 * self.equal[c] / self.compared[c] for c in classes if self.compared[c]}

    def overall(self) -> float:
        """Mean over the classes."""
        scores = self.percent()
        return sum(scores.values()) / len(scores)

    def ranked(self):
        """Differences, the most frequent first."""
        return sorted(self.differences.items(), key=lambda difference: -len(difference[1]))

    def report(self, show: int = 0) -> str:
        """One line per class, the most frequent differences, and the overall score."""
        lines = [
            f"{score:7.2f}  {self.equal[name]:8d}/{self.compared[name]:<8d} {name}"
            for name, score in self.percent().items()
        ]
        for (name, where), found in self.ranked()[:show]:
            question, live, here = found[0]
            lines.append(
                f"  {len(found):6d}  {name} · {where}: live {str(live)[:90]!r}, here {str(here)[:90]!r}"
                f"  ({question[:110]})"
            )
        lines.append(f"score {self.overall():.2f}")
        return "\n".join(lines)


def replay(truth: Path, base_url: str, only: str = "") -> Scores:
    """Asks a server every recorded question whose path matches, and compares."""
    scores = Scores()
    for entry in json.loads((truth / "index.json").read_text()):
        path = entry["path"]
        name = next((c for c, pattern in CLASSES if re.search(pattern, path)), None)
        if name is None or SKIP.search(path) or not re.search(only, path):
            continue
        if entry["status"] >= 400:
            name = REFUSED
        live = (truth / f"{entry['n']}.body").read_bytes()
        status, content_type, body = get(base_url.rstrip("/") + path, timeout=120)
        for where, a, b, equal in compare(entry, live, status, body, content_type):
            scores.compared[name] += 1
            scores.equal[name] += equal
            if not equal:
                scores.differences[name, where].append((path, a, b))
    return scores


def compare(entry, live, status, body, content_type):
    """Yield (where, live value, value here, equal) for one request."""
    if entry["status"] >= 400:
        # Ours must be a refusal too; its wording is ours. An honest empty 200 may stand for "not found".
        refused = status == entry["status"] or status // 100 == 4
        yield "status", entry["status"], status, refused or (entry["status"] in (404, 500) and status == 200)
        return
    expected = (entry["content_type"] or "").split(";")[0]
    yield "status", entry["status"], status, status == entry["status"]
    yield "content type", expected, content_type, content_type.split(";")[0] == expected
    if "json" in expected:
        yield from compare_json(entry["path"], live, body)
    else:
        yield from compare_text(entry["path"], live, body if status == 200 else None)


def compare_json(path, live, body):
    """Yield (where, live value, value here, equal) for two JSON answers."""
    try:
        a = comparable(path, json.loads(live))
    except ValueError:
        return
    if "/tasks/summarize" in path:
        result = (a.get("data") or {}).get("result") or {}
        if result.get("num_after_truncation", 0) >= 10000:
            return
    try:
        b = comparable(path, json.loads(body))
    except ValueError:
        b = MISSING
    keep = next((re.compile(leaf) for pattern, leaf in COMPARED if re.search(pattern, path)), None)
    for where, x, y in leaves(a, b):
        if isinstance(x, str) and x in EMPTY_FOLDERS:
            continue
        if keep is None or keep.search(where) or where.endswith("(row too many)"):
            yield where, x, y, same(where, x, y)
    if re.match(r"^/api/v0/tasks(\?|$)", path):
        yield "order of rows", "by task id", "differs", order_of_rows(a) == order_of_rows(b)


def compare_text(path, live, body):
    """Yield (where, live line, line here, equal) for two log files."""
    a = live.decode("utf-8", "replace").split("\n")
    b = [] if body is None else body.decode("utf-8", "replace").split("\n")
    if GROWING.search(path):
        if "lines=-1" not in path:
            return
        a.pop()
    for i, line in enumerate(a):
        here = b[i] if i < len(b) else MISSING
        yield "line", line[:80], here[:80], i < len(b) and here == line


def order_of_rows(answer):
    if not isinstance(answer, dict):
        return None
    rows = ((answer.get("data") or {}).get("result") or {}).get("result") or []
    return [(row.get("task_id"), row.get("attempt_number")) for row in rows]


def comparable(path, answer):
    """The answer with arbitrary numbers replaced by what they stand for, and texts cut into lines that can be known."""
    if path.startswith("/api/v0/tasks/timeline") and isinstance(answer, list):
        return timeline_rows(answer)
    if path.startswith("/api/cluster_status") and isinstance(answer, dict):
        text = (answer.get("data") or {}).get("clusterStatus")
        if isinstance(text, str):
            return {"lines": [line.strip() for line in text.split("\n") if knowable(line)]}
    return answer


def knowable(status_line):
    """Returns True for a line of the cluster status that has neither live usage nor the time of asking."""
    line = status_line.strip()
    usage = "usage" in line.lower() or re.match(r"^ [\d.]+\S*/", status_line)
    return bool(line) and "=====" not in line and not usage


def timeline_rows(events):
    """Timeline events with the names of processes and threads in place of their numbers."""
    process = {e.get("pid"): e["args"]["name"] for e in events if e.get("name") == "process_name"}
    thread = {(e.get("pid"), e.get("tid")): e["args"]["name"] for e in events if e.get("name") == "thread_name"}
    rows, seen = [], Counter()
    for e in sorted(events, key=lambda e: e.get("ts") or 0):
        where = (process.get(e.get("pid")), thread.get((e.get("pid"), e.get("tid"))))
        row = (*where, e.get("ph"), e.get("cat"), e.get("name"), e["args"].get("task_id"))
        seen[row] += 1
        rows.append({"row": json.dumps((*row, seen[row])), **{k: v for k, v in e.items() if k not in ("pid", "tid")}})
    return rows


def leaves(a, b, path=""):
    """Yield (path, live value, value here) for every leaf of the live answer; what ours lacks is MISSING."""
    if isinstance(a, dict):
        if not a:
            yield path, {}, b
        for key, value in a.items():
            shown = "*" if re.fullmatch(r"[0-9a-f]{8,}", key) else key
            other = b.get(key, MISSING) if isinstance(b, dict) else MISSING
            yield from leaves(value, other, f"{path}.{shown}" if path else shown)
    elif isinstance(a, list):
        yield from list_leaves(a, b, path + "[]")
    else:
        yield path, a, b


def list_leaves(a, b, path):
    """The leaves of a list: by identity where its objects have one, as a set of names, or by position."""
    by_id = aligned(a)
    if not a:
        yield path, [], b
    elif by_id is not None:
        other = aligned(b) or {}
        for key, value in by_id.items():
            yield from leaves(value, other.get(key, MISSING), path)
        for key in other.keys() - by_id.keys():
            yield path + ".(row too many)", MISSING, key
    elif all(isinstance(value, str) for value in a):
        left = Counter(value for value in b if isinstance(value, str)) if isinstance(b, list) else Counter()
        for value in a:
            found = left[value] > 0
            left[value] -= found
            yield path, value, value if found else MISSING
    else:
        for i, value in enumerate(a):
            yield from leaves(value, b[i] if isinstance(b, list) and i < len(b) else MISSING, path)


def aligned(items):
    """Identity to item for a list of objects, repeats counted; None where an item has no identity."""
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        return None
    keys = [identity(item) for item in items]
    if None in keys:
        return None
    seen, out = Counter(), {}
    for key, item in zip(keys, items, strict=True):
        out[(*key, seen[key])] = item
        seen[key] += 1
    return out


def identity(item):
    """Returns the values that identify an object of a list, None if it has none."""
    if isinstance(item.get("raylet"), dict):
        return ("node", item["raylet"].get("nodeId"))

    def text(value):
        return f"{value:.1f}" if isinstance(value, int | float) else str(value)

    return next((tuple(text(item[i]) for i in ids) for ids in IDS if all(i in item for i in ids)), None)


def same(path, a, b):
    """Returns True if two leaves are equal, as far as they can be."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        if re.search(r"(^|\.)(start|end)_?[tT]ime$", path):
            return abs(a - b) <= (10 if a > 1e11 else 1) and (a == 0) == (b == 0)
        return abs(a - b) <= 1 if re.search(r"^\[\]\.(ts|dur)$", path) else a == b
    if isinstance(a, str) and isinstance(b, str) and a[:1] == "{" and b[:1] == "{":
        try:
            return json.loads(a) == json.loads(b)
        except ValueError:
            pass
    return type(a) is type(b) and a == b
