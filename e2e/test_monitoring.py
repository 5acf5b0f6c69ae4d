"""Every query of the alerts and of the dashboard is PromQL, and asks for what the server really has."""

import json
import re
from functools import partial
from operator import mul

import pytest
import yaml

from e2e.harness import manifests, processes
from e2e.harness.bundle import SESSIONS
from e2e.harness.processes import REPOSITORY

PROMQL = REPOSITORY / ".cache" / "manifest-tools" / "promql"
RULES = manifests.CONFIG / "prometheus" / "prometheus_rule.yaml"
# The notice of failed runs, which is installed by those who want it.
RUN_FAILED = manifests.CONFIG / "prometheus" / "run_failed_rule.yaml"
DASHBOARD = manifests.CONFIG / "grafana" / "ray-history.json"
# Labels that Prometheus itself adds to a sample: the operator's target labels, and the bucket's bound.
ADDED = {"namespace", "pod", "le"}
SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+")


def alerts() -> list[dict]:
    groups = [group for file in (RULES, RUN_FAILED) for group in yaml.safe_load(file.read_text())["spec"]["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def dashboard_queries() -> list[str]:
    """As Grafana sends them: its variables stand for something."""
    queries = [target["expr"] for panel in panels() for target in panel["targets"]]
    variables = json.loads(DASHBOARD.read_text())["templating"]["list"]
    queries += [
        re.fullmatch(r"label_values\((.+), \w+\)", variable["definition"])[1]
        for variable in variables
        if variable["type"] == "query"
    ]
    return [re.sub(r"\$namespace|\$pod", ".*", query.replace("$__rate_interval", "5m")) for query in queries]


def parsed(queries: list[str]) -> list[dict]:
    """Returns queries as Prometheus' own parser reads them."""
    return json.loads(processes.run([PROMQL, "parse"], input=json.dumps(queries)).stdout)


@pytest.fixture(scope="module")
def exposed(server) -> dict[str, set[str]]:
    """The names of all samples of a server that was asked this and that, each with its labels."""
    for session in SESSIONS:
        server.json(f"{session.path}/nodes?view=summary")
    server.get("no/such/url")
    found = {}
    for line in server.get("metrics")[2].decode().splitlines():
        if not line.startswith("#"):
            name, labels = SAMPLE.match(line).groups()
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels or ""))
    return found


def declared() -> dict[str, set[str]]:
    """Sample names of the families on docs/metrics.md: a family without a sample yet is not exposed."""
    names = set()
    for name, kind in re.findall(
        r"^\| `(\w+)` \| (\w+) \|", (REPOSITORY / "docs" / "metrics.md").read_text(), re.MULTILINE
    ):
        names |= {f"{name}_{part}" for part in ["bucket", "sum", "count"]} if kind == "histogram" else {name}
    return names


# Families that have no sample until something happens: their labels, from crates/metrics/src.
NOT_YET = {
    "ray_history_catalog_failed_passes_total": {"purpose"},
    "ray_history_freshness_checks_total": {"found"},
}


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in alerts()), *dashboard_queries()])
def test_a_query_names_metrics_and_labels_that_exist(exposed, query):
    (found,) = parsed([query])
    assert not found.get("error")
    assert found["metrics"]
    known = set()
    for name, matched in found["metrics"].items():
        assert name in declared(), name
        labels = exposed.get(name, NOT_YET.get(name))
        assert labels is not None, f"{name} has no sample, and is not among those that have none yet"
        assert set(matched or []) <= labels | ADDED, name
        known |= labels
    assert set(found["labels"]) <= known | ADDED


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_the_values_that_an_alert_looks_for_exist(rule):
    """An alert about a label's value that is never set would never fire."""
    files = [path for folder in ("src", "crates") for path in (REPOSITORY / folder).rglob("*.rs")]
    source = "".join(path.read_text() for path in files)
    for label, values in re.findall(r'(\w+)[=!]~?"([^"]+)"', rule["expr"]):
        for value in values.split("|"):
            assert re.search(rf'(^\s+{value},$|"{value}")', source, re.MULTILINE), f"{label}={value}"


@pytest.mark.parametrize("source", [RULES, RUN_FAILED], ids=lambda path: path.stem)
def test_prometheus_takes_the_rules_as_they_are(tmp_path, source):
    """Their templates too, as promtool checks them."""
    file = tmp_path / "rules.yaml"
    rules = yaml.safe_load(source.read_text())["spec"]
    file.write_text(yaml.safe_dump(rules))
    processes.run([PROMQL, "check", file])
    rules["groups"][0]["rules"][0]["annotations"]["summary"] = "{{ $labels.pod "
    file.write_text(yaml.safe_dump(rules))
    processes.run([PROMQL, "check", file], succeeds=False)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule):
    anchor = rule["annotations"]["runbook_url"].rpartition("#")[2]
    assert anchor == rule["alert"].lower()
    operations = (REPOSITORY / "docs" / "operations.md").read_text()
    section = re.search(rf"^### {rule['alert']}\n(.*?)(?=^##|\Z)", operations, re.MULTILINE | re.DOTALL)
    assert section, f"docs/operations.md has no section {rule['alert']}"
    assert len(section[1].split()) > 20, "a runbook says what to look at and what to do"


def test_the_runbook_has_no_unknown_alert():
    operations = (REPOSITORY / "docs" / "operations.md").read_text()
    assert set(re.findall(r"^### (RayHistory\w+)$", operations, re.MULTILINE)) == {rule["alert"] for rule in alerts()}


def test_panels_do_not_overlap():
    places = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        grid = panel["gridPos"]
        own = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert not places & own, panel["title"]
        assert grid["x"] + grid["w"] <= 24
        places |= own


def test_a_query_for_an_unknown_metric_is_noticed(exposed):
    for query in ["ray_history_no_such_total", 'ray_history_catalog_sessions{kind="x"}', "sum by ("]:
        with pytest.raises(AssertionError):
            test_a_query_names_metrics_and_labels_that_exist(exposed, query)


INTERVAL = 60
HOURS = 3
STEPS = HOURS * 3600 // INTERVAL
MIB = 1 << 20


# Refusals that do not happen.
REASONS = [
    *(("ray_history_snapshot_rejected_total", reason) for reason in ["damaged", "torn", "newer", "too_large"]),
    *(("ray_history_http_requests_refused_total", reason) for reason in ["requests", "heavy", "url", "head"]),
]
# Loads, and runs that end well, as often as this a minute.
OUTCOMES = [
    *(
        ("ray_history_loads_total", outcome, 0)
        for outcome in ["Incomplete", "Failed", "TimedOut", "TooLarge", "Stopped"]
    ),
    ("ray_history_loads_total", "Whole", 2),
    ("ray_history_runs_ended_total", "Succeeded", 1),
    ("ray_history_runs_ended_total", "Stopped", 0.1),
    ("ray_history_runs_ended_total", "Failed", 0),
]


def healthy() -> dict[tuple, list[float]]:
    """Two replicas that serve well: samples of each minute of some hours, by name and labels."""
    found = {}

    def sample(name: str, value, **labels: str):
        for pod in ["a", "b"]:
            key = (name, *sorted({"namespace": "ray-history", "pod": pod, **labels}.items()))
            found[key] = [float(value(minute) if callable(value) else value) for minute in range(STEPS + 1)]

    sample("ray_history_build_info", 1, version="0.1.0")
    sample("process_start_time_seconds", 0)
    sample("process_resident_memory_bytes", 1500 * MIB)
    sample("ray_history_memory_limit_bytes", 2048 * MIB)
    sample("ray_history_catalog_stale", 0)
    sample("ray_history_catalog_skipped_places", 0)
    sample("ray_history_retention_halted", 0)
    sample("ray_history_retention_marked_share", 0.04)
    # Every five minutes, as in a quiet bucket.
    sample("ray_history_catalog_last_pass_timestamp_seconds", lambda minute: minute // 5 * 300, purpose="Markers")
    for outcome, each in {"ok": 60, "not_found": 20, "unavailable": 1, "permission_denied": 0}.items():
        sample("ray_history_storage_requests_total", partial(mul, each), store="s3", operation="read", outcome=outcome)
    for name, outcome, each in OUTCOMES:
        sample(name, partial(mul, each), outcome=outcome)
    sample("ray_history_load_unread_files_total", 0)
    for name, reason in REASONS:
        sample(name, 0, reason=reason)
    for reason, each in {"Memory": 0.2, "Count": 0.1, "Expired": 1}.items():
        sample("ray_history_cache_evictions_total", partial(mul, each), reason=reason)
    # A review fails now and then, and one person asks for too many.
    for kind in ["Token", "Access"]:
        for outcome, each in {"Yes": 3, "No": 1, "Forbidden": 0, "Unreachable": 0.05, "Busy": 9}.items():
            sample("ray_history_access_reviews_total", partial(mul, each), kind=kind, outcome=outcome)
    for bound in ["0.01", "0.81", "21.87", "65.61", "+Inf"]:
        sample("ray_history_load_queue_duration_seconds_bucket", partial(mul, 2), le=bound)
    return found


def trouble(name: str, value, **labels: str) -> dict[tuple, list[float]]:
    """Returns the samples of a replica that has a problem."""
    key = (name, *sorted({"namespace": "ray-history", "pod": "a", **labels}.items()))
    assert key in healthy(), key
    return {key: [float(value(minute) if callable(value) else value) for minute in range(STEPS + 1)]}


def once(minute: int) -> int:
    """Counts something that happens ten minutes before the end, for the first time."""
    return int(minute > STEPS - 10)


LOADS, QUEUE = "ray_history_loads_total", "ray_history_load_queue_duration_seconds_bucket"
REVIEWS = "ray_history_access_reviews_total"
TROUBLES = {
    "RayHistoryRestarts": trouble("process_start_time_seconds", lambda minute: minute // 15),
    "RayHistoryListingFailed": trouble("ray_history_catalog_stale", 1),
    "RayHistoryListingOld": trouble("ray_history_catalog_last_pass_timestamp_seconds", 600, purpose="Markers"),
    "RayHistoryPlacesSkipped": trouble("ray_history_catalog_skipped_places", 2),
    "RayHistoryStoreErrors": trouble(
        *("ray_history_storage_requests_total", partial(mul, 30)),
        store="s3",
        operation="read",
        outcome="permission_denied",
    ),
    "RayHistoryLoadsFail": trouble(LOADS, partial(mul, 0.5), outcome="TimedOut"),
    "RayHistorySessionTooLarge": trouble(LOADS, once, outcome="TooLarge"),
    "RayHistoryFilesUnread": trouble("ray_history_load_unread_files_total", once),
    "RayHistorySnapshotsRejected": trouble("ray_history_snapshot_rejected_total", once, reason="torn"),
    "RayHistoryRefusesRequests": trouble("ray_history_http_requests_refused_total", partial(mul, 3), reason="heavy"),
    "RayHistoryLoadsWait": {
        **trouble(QUEUE, 0, le="0.01"),
        **trouble(QUEUE, 0, le="0.81"),
        **trouble(QUEUE, partial(mul, 1), le="21.87"),
    },
    "RayHistoryCacheTooSmall": trouble("ray_history_cache_evictions_total", partial(mul, 1.5), reason="Memory"),
    "RayHistoryRunFailed": trouble(
        "ray_history_runs_ended_total", lambda minute: int(minute > STEPS - 5), outcome="Failed"
    ),
    # The API server still answers who people are, and nobody may ask what they may see.
    "RayHistoryReviewsFail": {
        **trouble(REVIEWS, 0, kind="Access", outcome="Yes"),
        **trouble(REVIEWS, 0, kind="Access", outcome="No"),
        **trouble(REVIEWS, partial(mul, 2), kind="Access", outcome="Forbidden"),
    },
    "RayHistoryRetentionHalted": trouble("ray_history_retention_halted", 1),
    "RayHistoryRetentionMarksMany": trouble("ray_history_retention_marked_share", 0.06),
    "RayHistoryMemoryBeyondBudget": trouble("process_resident_memory_bytes", 3900 * MIB),
}


def firing(samples: dict[tuple, list[float]]) -> set[str]:
    """The alerts that Prometheus would raise at the end of some samples, their `for` aside."""
    series = [{"labels": {"__name__": name, **dict(labels)}, "values": v} for (name, *labels), v in samples.items()]
    asked = {"series": series, "interval": INTERVAL, "at": STEPS * INTERVAL}
    asked["expressions"] = [rule["expr"] for rule in alerts()]
    done = processes.run([PROMQL, "evaluate"], input=json.dumps(asked))
    return {rule["alert"] for rule, count in zip(alerts(), json.loads(done.stdout), strict=True) if count}


def test_a_healthy_server_raises_no_alert():
    assert firing(healthy()) == set()


def test_a_missing_server_raises_its_alert():
    assert firing({}) == {"RayHistoryDown"}


@pytest.mark.parametrize("alert", TROUBLES)
def test_a_problem_raises_its_alert_and_no_other(alert):
    assert firing(healthy() | TROUBLES[alert]) == {alert}


def test_every_alert_has_been_seen_to_fire():
    assert {*TROUBLES, "RayHistoryDown"} == {rule["alert"] for rule in alerts()}
