"""Rules that are copied from Ray, compared with the code of the newest Ray that is supported, which is installed here.

A new Ray shows here where it differs: columns, filters, limits and their refusals, names of states, the headers that
mark a browser, summaries, the timeline, and the fields of the dashboard's rows. Ray's functions are pure, so they are
called with rows that our server gave, and must make of them what our server answers.
"""

import ast
import collections
import dataclasses
import inspect
import itertools
import json
import re
import typing
import urllib.parse
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from multidict import CIMultiDict, MultiDict
from ray._private import custom_types, profiling
from ray.core.generated import gcs_pb2
from ray.dashboard import optional_utils, runtime_env_redaction, state_api_utils, utils
from ray.dashboard.modules.data import data_head
from ray.dashboard.modules.event import event_head, event_utils
from ray.dashboard.modules.job.pydantic_models import DriverInfo, JobDetails
from ray.dashboard.modules.node import node_head
from ray.util.state import common
from ray.util.state.common import StateResource, resource_to_schema

from e2e.harness import bundle
from e2e.harness.bundle import MIXED
from e2e.harness.server import Server

CASE = "sessions/team/c/session_2026-11-22_23-11-33_821800_1"
RESOURCES = [resource.value for resource in StateResource]
EMPTY = {"objects"}
"""Resources that a session that is over has none of."""
SPARSE = {
    "actors": {"node_id", "placement_group_id", "call_site", "fallback_strategy", "death_cause"},
    "runtime_envs": {"success", "error"},
    "tasks": {"error_type"},
    "workers": {"exit_type"},
}
"""Columns that Ray leaves out before it filters, where they are not set: what is not there passes no filter."""
LISTED = [resource for resource in RESOURCES if resource not in EMPTY]


def schema(resource: str):
    return resource_to_schema(StateResource(resource))


def ask(server, path: str, *parameters: tuple[str, object], **headers: str):
    """Status and JSON of an answer below the session."""
    url = f"{server.url}/{MIXED.path}/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def rows(server, resource: str, *parameters: tuple[str, object], **headers: str) -> list[dict]:
    status, answer = ask(server, f"api/v0/{resource}", *parameters, **headers)
    assert status == 200, answer
    return answer["data"]["result"]["result"]


def condition(column: str, predicate: str, value: str) -> list[tuple[str, str]]:
    return [("filter_keys", column), ("filter_predicates", predicate), ("filter_values", value)]


WHOLE = [("detail", "1"), ("limit", "10000"), ("exclude_driver", "false")]


@pytest.fixture(scope="module")
def everything(server) -> dict[str, list[dict]]:
    """Every row with all its columns."""
    return {resource: rows(server, resource, *WHOLE) for resource in RESOURCES}


@pytest.mark.parametrize("detail", [0, 1], ids=["plain", "detail"])
@pytest.mark.parametrize("resource", LISTED)
def test_rows_have_the_columns_of_ray_in_its_order(server, resource, detail):
    (row,) = rows(server, resource, ("detail", detail), ("limit", 1))
    assert list(row) == schema(resource).list_columns(detail=bool(detail))


def refusal(call, *arguments) -> str | None:
    """Returns the message with which Ray refuses something, None where it does not."""
    try:
        call(*arguments)
    except ValueError as error:
        return str(error)
    return None


def without_order(message: str | None):
    """Returns a message with its set parsed, because Ray prints sets in any order."""
    found = re.search(r"\{.*\}$", message or "")
    return (message[: found.start()], ast.literal_eval(found[0])) if found else message


def kind(ray, column: str) -> type:
    """The kind of a column's values: int, bool, or str for all others."""
    declared = next((each.type for each in dataclasses.fields(ray) if each.name == column), str)
    return next((each for each in (bool, int) if declared is each or each in typing.get_args(declared)), str)


def columns(resource: str) -> list[tuple[str, type]]:
    """The columns of a resource, each with its kind."""
    ray = schema(resource)
    of_kind = kind if dataclasses.is_dataclass(ray) else lambda *_: str
    return [(column, of_kind(ray, column)) for column in ray.list_columns()]


def filtered(every: list[dict], asked: list[tuple[str, str]], ray) -> list[dict]:
    """Returns the rows that pass Ray's filters."""
    options = state_api_utils.options_from_req(SimpleNamespace(query=MultiDict(asked)))
    return state_api_utils.do_filter(every, options.filters, ray, options.detail)


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_filter_is_taken_or_refused_in_the_words_of_ray(server, everything, resource):
    """Ids and states are existing ones, because Ray's sources refuse others in words of their own."""
    ray = schema(resource)
    found = columns(resource)
    row = {column: of() for column, of in found}
    differ = {}
    for (column, of), predicate in itertools.product([*found, ("bogus", str)], ["=", "!="]):
        known = next((each[column] for each in everything[resource] if each.get(column)), "")
        value = "wrong" if of is not str and column in ray.filterable_columns() else str(known)
        asked = condition(column, predicate, value)
        status, answer = ask(server, f"api/v0/{resource}", *asked)
        words = refusal(filtered, [row], asked, ray)
        ours = {200: None, 400: without_order(answer["msg"])}.get(status, status)
        if ours != without_order(words):
            differ[column, predicate, value] = (ours, without_order(words))
    assert not differ


@pytest.mark.parametrize("resource", LISTED)
def test_a_filter_passes_the_rows_that_pass_ray_s(server, everything, resource):
    ray, every = schema(resource), everything[resource]
    absent = SPARSE.get(resource, ())
    every = [{name: each for name, each in row.items() if each is not None or name not in absent} for row in every]
    differ = {}
    for column in sorted(ray.filterable_columns()):
        given = sorted({str(row[column]) for row in every if row.get(column) not in (None, "")})[:2]
        for value, predicate in itertools.product(dict.fromkeys([*given, *map(str.swapcase, given)]), ["=", "!="]):
            asked = [*WHOLE[1:], *condition(column, predicate, value)]
            status, answer = ask(server, f"api/v0/{resource}", *asked)
            words = refusal(filtered, every, asked, ray)
            if words is not None or status != 200:
                same = (status, answer["msg"]) == (400, words)
            else:
                same = answer["data"]["result"]["result"] == filtered(every, asked, ray)
            if not same:
                differ[column, predicate, value] = (answer["msg"], words)
    assert not differ


def test_a_predicate_is_refused_in_the_words_of_ray(server):
    asked = condition("name", "<", "x")
    status, answer = ask(server, "api/v0/tasks", *asked)
    # Ray adds what pydantic says about it.
    assert status == 400
    assert answer["msg"] in refusal(filtered, [], asked, schema("tasks"))


OPTIONS = [
    {"limit": str(common.RAY_MAX_LIMIT_FROM_API_SERVER)},
    {"limit": str(common.RAY_MAX_LIMIT_FROM_API_SERVER + 1)},
    {"limit": "many"},
    {"limit": "1.5"},
    {"limit": " 7 "},
    {"limit": ""},
    {"timeout": "soon"},
    {"timeout": "7"},
    {"detail": "maybe"},
    {"detail": ""},
    {"detail": "True"},
    {"exclude_driver": "TRUE"},
    {"exclude_driver": "0"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=urllib.parse.urlencode)
def test_options_are_taken_or_refused_in_the_words_of_ray(server, options):
    words = refusal(state_api_utils.options_from_req, SimpleNamespace(query=MultiDict(options)))
    status, answer = ask(server, "api/v0/tasks", *options.items())
    assert (status, answer["msg"]) == ((200, "") if words is None else (400, words))


def test_the_default_number_of_rows_is_ray_s(server, everything):
    assert len(everything["tasks"]) > common.DEFAULT_LIMIT
    assert len(rows(server, "tasks")) == common.DEFAULT_LIMIT


HEADERS = [
    header
    for headers in ast.walk(ast.parse(inspect.getsource(optional_utils.is_browser_request)))
    if isinstance(headers, ast.Tuple)
    for header in ast.literal_eval(headers)
]
ASKING = [
    *({header: "x"} for header in HEADERS),
    {"User-Agent": "Mozilla/5.0"},
    {"User-Agent": "mozilla/5.0"},
    {"User-Agent": "aiohttp Mozilla"},
    {"Accept": "text/html"},
    {"Cookie": "a=b"},
    {"X-Forwarded-For": "192.0.2.1"},
]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return bundle.extract(bundle.FIXTURES / "cases.tar.gz", tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def secrets(cases):
    """A server of a session with a secret in every runtime environment."""
    with Server(cases / "redaction-referer-origin" / "storage", cases / "log") as server:
        yield server


def test_ray_s_list_of_headers_is_found():
    assert {"Referer", "Origin", "Sec-Fetch-Mode"} < set(HEADERS)


@pytest.mark.parametrize("headers", ASKING, ids=str)
def test_a_browser_is_recognised_as_by_ray(secrets, headers):
    is_browser = optional_utils.is_browser_request(SimpleNamespace(headers=CIMultiDict(headers)))
    url = f"{secrets.url}/{CASE}/api/jobs/"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        assert (b"not-for-browsers" not in answer.read()) == is_browser


@pytest.mark.parametrize("resource", LISTED)
def test_a_browser_gets_the_rows_that_ray_gives_it(server, everything, resource):
    expected = runtime_env_redaction.redact_state_rows(everything[resource])
    assert rows(server, resource, *WHOLE, Referer="http://127.0.0.1/") == expected


def summary(server, path: str, *parameters: tuple[str, object]) -> dict:
    status, answer = ask(server, path, *parameters)
    assert status == 200, answer
    return answer["data"]["result"]["result"]["node_id_to_summary"]["cluster"]


def test_tasks_are_counted_by_name_as_ray_counts_them(server):
    tasks = rows(server, "tasks", ("detail", 1), ("limit", 10000))
    expected = dataclasses.asdict(common.TaskSummaries.to_summary_by_func_name(tasks=tasks))
    assert summary(server, "api/v0/tasks/summarize") == expected


def test_tasks_are_counted_by_lineage_as_ray_counts_them(server, everything):
    tasks = rows(server, "tasks", ("detail", 1), ("limit", 10000))
    ray = common.TaskSummaries.to_summary_by_lineage(tasks=tasks, actors=everything["actors"])
    assert summary(server, "api/v0/tasks/summarize", ("summary_by", "lineage")) == dataclasses.asdict(ray)


def test_actors_are_counted_as_ray_counts_them(server, everything):
    expected = dataclasses.asdict(common.ActorSummaries.to_summary(actors=everything["actors"]))
    assert summary(server, "api/v0/actors/summarize") == expected


def test_objects_are_counted_as_ray_counts_none(server):
    expected = dataclasses.asdict(common.ObjectSummaries.to_summary(objects=[]))
    assert summary(server, "api/v0/objects/summarize") == expected | {"callsite_enabled": False}


def test_the_timeline_is_what_ray_makes_of_the_tasks(server):
    expected = json.loads(profiling.chrome_tracing_dump(rows(server, "tasks", *WHOLE[:2])))
    status, answer = ask(server, "api/v0/tasks/timeline")
    assert status == 200
    assert answer == expected


def test_a_job_has_the_fields_of_ray_in_its_order(server):
    status, jobs = ask(server, "api/jobs/")
    assert status == 200
    assert {tuple(job) for job in jobs} == {tuple(JobDetails.model_fields)}
    assert {tuple(job["driver_info"]) for job in jobs if job["driver_info"]} == {tuple(DriverInfo.model_fields)}


def fields(message, convert) -> set[str]:
    """Returns the fields that Ray always gives: those of a message in which nothing is set."""
    return set(convert(message))


def test_an_actor_has_the_fields_of_ray(server):
    status, answer = ask(server, "logical/actors")
    assert status == 200
    actors = answer["data"]["actors"].values()
    always = fields(gcs_pb2.ActorTableData(), node_head._actor_table_data_to_dict)  # noqa: SLF001
    # Added by `DataOrganizer._get_actor_info`.
    always |= {"address", "gpus", "mem", "processStats", "tpus"}
    # Reported by living workers themselves, or set for some.
    sometimes = {"callSite", "fallbackStrategy", "ipAddress", "placementGroupId", "workerId", "workerType"}
    assert {frozenset(set(actor) - sometimes) for actor in actors} == {frozenset(always)}


ADDED_TO_NODES = {
    "coreWorkersStats",
    "numWorkers",
    "objectStoreAvailableMemory",
    "objectStoreUsedMemory",
    "stateMessage",
}


def test_a_node_has_the_fields_of_ray(server):
    status, answer = ask(server, "nodes", ("view", "summary"))
    assert status == 200
    always = fields(gcs_pb2.GcsNodeInfo(), node_head._gcs_node_info_to_dict)  # noqa: SLF001
    nodes = [node["raylet"] for node in answer["data"]["summary"]]
    # Added by `DataOrganizer.get_node_info`.
    always |= ADDED_TO_NODES
    assert {frozenset(set(node) - {"deathInfo"}) for node in nodes} == {frozenset(always)}


@pytest.mark.parametrize(
    ("resource", "states"), [("actors", custom_types.ACTOR_STATUS), ("nodes", custom_types.NODE_STATUS)]
)
def test_every_state_of_ray_can_be_asked_for(server, resource, states):
    for state in states:
        assert ask(server, f"api/v0/{resource}", *condition("state", "=", state))[0] == 200, state
    assert ask(server, f"api/v0/{resource}", *condition("state", "=", "GONE"))[0] == 400


def returned(source: Path, of: str, name: str):
    """Returns the value that a method returns, read from its source: not everything of Ray can be imported here."""
    classes = (each for each in ast.walk(ast.parse(source.read_text())) if isinstance(each, ast.ClassDef))
    methods = next(each.body for each in classes if each.name == of)
    method = next(each for each in methods if isinstance(each, ast.FunctionDef) and each.name == name)
    return ast.literal_eval(next(each.value for each in ast.walk(method) if isinstance(each, ast.Return)))


def test_serve_that_never_ran_is_what_ray_says_of_it(cases, tmp_path):
    schema_of_serve = Path(common.__file__).parents[2] / "serve" / "schema.py"
    with Server(cases / "torn-line" / "storage", tmp_path / "log") as server:
        answer = server.json(f"{CASE}/api/serve/applications/")
    assert answer == returned(schema_of_serve, "ServeInstanceDetails", "get_empty_schema_dict")


def test_a_dataset_has_the_metrics_of_ray(server):
    jobs = [row["job_id"] for row in rows(server, "jobs") if row["job_id"]]
    found = [each for job in jobs for each in ask(server, f"api/data/datasets/{job}")[1]["datasets"]]
    expected = {name: {query.value[0] for query in asked} for name, asked in data_head.DATASET_METRICS.items()}
    assert found
    for each in itertools.chain(found, *(dataset["operators"] for dataset in found)):
        metrics = {name: set(value) for name, value in each.items() if name.startswith("ray_data")}
        assert metrics == expected


def test_the_events_page_has_what_ray_reads_from_its_files(server, unpacked):
    files = MIXED.storage(unpacked).rglob("logs/events/event_*.log")
    lines = [line for file in files for line in file.read_text().splitlines()]
    cache = SimpleNamespace(events=collections.defaultdict(dict))
    event_head.EventHead._update_events(cache, event_utils.parse_event_strings(lines))  # noqa: SLF001
    status, answer = ask(server, "events")
    assert status == 200
    found = {job: {event["eventId"]: event for event in of} for job, of in answer["data"]["events"].items()}
    assert sum(map(len, found.values())) > 10
    assert found == {
        job: {identity: utils.to_google_style(event) for identity, event in of.items()}
        for job, of in cache.events.items()
    }
