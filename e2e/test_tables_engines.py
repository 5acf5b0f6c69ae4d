"""What is persisted of sessions is read by DuckDB, Polars and pyarrow, and says what our API says."""

import os
import re
import shutil
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.compute
import pyarrow.dataset
import pytest

from e2e.harness import processes
from e2e.harness.bundle import SESSIONS
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import BINARY, Server

COLUMNS = ["namespace", "day", "cluster", "session", "task_id", "attempt", "job_id", "type", "state"]
TIMES = ["running_at", "finished_at", "failed_at"]
VIEWS = ["tasks", "transitions", "actors", "profile_events", "runs", "jobs", "nodes", "functions", "failures"]
UNKNOWN = "__HIVE_DEFAULT_PARTITION__"


def with_duckdb(folder: Path) -> list[dict]:
    times = [f"epoch_us({time}) AS {time}" for time in TIMES]
    tables = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    asked = duckdb.sql(f"SELECT {', '.join([*COLUMNS, *times])}, run_us FROM {tables} WHERE defined")  # noqa: S608
    return [dict(zip(asked.columns, row, strict=True)) for row in asked.fetchall()]


def with_polars(folder: Path) -> list[dict]:
    times = [pl.col(time).dt.epoch("us") for time in TIMES]
    tables = pl.scan_parquet(folder, hive_partitioning=True, try_parse_hive_dates=True)
    return tables.filter(pl.col("defined")).select(*COLUMNS, *times, "run_us").collect().to_dicts()


def with_pyarrow(folder: Path) -> list[dict]:
    tables = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive")
    table = tables.to_table(columns=[*COLUMNS, *TIMES, "run_us"], filter=pyarrow.dataset.field("defined"))
    for time_ in TIMES:
        whole = pyarrow.compute.cast(table[time_], pyarrow.int64())
        table = table.set_column(table.schema.get_field_index(time_), time_, whole)
    rows = table.to_pylist()
    # Folders hold text for pyarrow.
    return [{**row, "day": date.fromisoformat(row["day"])} for row in rows]


ENGINES = [with_duckdb, with_polars, with_pyarrow]
NAMES = [engine.__name__.removeprefix("with_") for engine in ENGINES]


@pytest.fixture(scope="module")
def persisted(bucket, tmp_path_factory) -> Path:
    """A bucket with both sessions, and what the program persisted of them."""
    copy = tmp_path_factory.mktemp("persisted") / "bucket"
    shutil.copytree(bucket, copy)
    then = time.time() - 3 * 86_400
    for file in copy.rglob("*"):
        os.utime(file, (then, then))
    printed = processes.run([BINARY, "persist", "--local-dir", copy, "--dead-after", "48h", "--fleet"]).stdout
    assert printed.count("  persisted, ") == len(SESSIONS), printed
    return copy


@pytest.fixture(scope="module")
def told(server) -> dict[str, dict]:
    """The attempts of each session by our API, from raw data: by task and attempt."""
    told = {}
    for session in SESSIONS:
        found = server.json(f"{session.path}/api/v0/tasks?detail=1&exclude_driver=false&limit=10000")
        rows = found["data"]["result"]["result"]
        assert len(rows) == found["data"]["result"]["total"] > 50
        told[session.path] = {(row["task_id"], row["attempt_number"]): row for row in rows}
    return told


def tables(bucket: Path, table: str) -> Path:
    return bucket / "ray-history" / "v1" / "tables" / table


def of(session, rows: list[dict]) -> dict[tuple, dict]:
    """Returns the rows of one session, by task and attempt; each may be there once."""
    namespace, cluster, name = session.path.split("/")[1:]
    own = [row for row in rows if (row["namespace"], row["cluster"], row["session"]) == (namespace, cluster, name)]
    by_attempt = {(row["task_id"], row["attempt"]): row for row in own}
    assert len(by_attempt) == len(own)
    return by_attempt


@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
def test_partitions_are_those_of_the_sessions(persisted, engine):
    found = {(row["namespace"], row["day"], row["cluster"]) for row in engine(tables(persisted, "tasks"))}
    expected = set()
    for session in SESSIONS:
        namespace, cluster, name = session.path.split("/")[1:]
        expected.add((namespace, date.fromisoformat(name.split("_")[1]), cluster))
    assert found == expected


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
def test_attempts_states_and_times_are_those_of_the_api(persisted, told, engine, session):
    rows, expected = of(session, engine(tables(persisted, "tasks"))), told[session.path]
    assert rows.keys() == expected.keys()
    assert Counter(row["state"] for row in rows.values()) == Counter(row["state"] for row in expected.values())
    for attempt, row in rows.items():
        other = expected[attempt]
        assert [row[name] for name in ("job_id", "type", "state")] == [
            other[name] for name in ("job_id", "type", "state")
        ]
        ended_at = row["finished_at"] if row["finished_at"] is not None else row["failed_at"]
        for found, said in ((row["running_at"], "start_time_ms"), (ended_at, "end_time_ms")):
            assert (found is None) == (other[said] is None), (attempt, said)
            # Ray shows milliseconds, which went through a float.
            assert found is None or abs(found / 1000 - other[said]) <= 1, (attempt, said)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
def test_durations_are_those_of_the_api(persisted, told, engine, session):
    rows, expected = of(session, engine(tables(persisted, "tasks"))), told[session.path]
    ran = [(row["run_us"], expected[attempt]) for attempt, row in rows.items() if row["run_us"] is not None]
    assert len(ran) > len(rows) / 2
    for run_us, other in ran:
        # The API's two ends are whole milliseconds.
        assert abs(run_us / 1000 - (other["end_time_ms"] - other["start_time_ms"])) <= 1, other["task_id"]


@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
def test_an_unknown_namespace_is_null(persisted, engine, tmp_path):
    unknown, known = sorted(tables(persisted, "tasks").glob("namespace=*"))
    shutil.copytree(known, tmp_path / known.name)
    shutil.copytree(unknown, tmp_path / f"namespace={UNKNOWN}")
    assert {row["namespace"] for row in engine(tmp_path)} == {None, known.name.removeprefix("namespace=")}


def test_profile_events_and_actors_are_those_of_the_api(persisted, told, server):
    for session in SESSIONS:
        namespace, cluster, _ = session.path.split("/")[1:]
        own = f"WHERE namespace = '{namespace}' AND cluster = '{cluster}'"
        events = f"read_parquet('{tables(persisted, 'profile_events')}/**/*.parquet', hive_partitioning = true)"
        found = duckdb.sql(f"SELECT task_id, attempt, name, duration_ns FROM {events} {own}").fetchall()  # noqa: S608
        attempts = told[session.path]
        spans = Counter(
            (*attempt, event["event_name"])
            for attempt, row in attempts.items()
            for event in (row["profiling_data"] or {}).get("events", [])
        )
        defined = Counter((task, attempt, name) for task, attempt, name, _ in found if (task, attempt) in attempts)
        assert defined == spans
        assert all(duration >= 0 for *_, duration in found)
        rows = server.json(f"{session.path}/api/v0/actors?detail=1&limit=10000")["data"]["result"]["result"]
        actors = f"read_parquet('{tables(persisted, 'actors')}/**/*.parquet', hive_partitioning = true)"
        asked = f"SELECT actor_id, class_name, state FROM {actors} {own} AND defined"  # noqa: S608
        named = {(row["actor_id"], row["class_name"], row["state"]) for row in rows}
        assert set(duckdb.sql(asked).fetchall()) == named


def test_the_program_opens_what_it_persisted(persisted, bucket, tmp_path):
    """The same bytes as from raw data, for those who are shown redacted values."""
    hidden = ["--redaction", "always"]
    with Server(persisted, tmp_path / "log", *hidden) as other, Server(bucket, tmp_path / "raw", *hidden) as raw:
        for session in SESSIONS:
            for question in ("api/v0/tasks?detail=1&limit=10000", "api/v0/actors?detail=1", "api/v0/tasks/summarize"):
                asked = f"{session.path}/{question}"
                assert other.get(asked)[::2] == raw.get(asked)[::2], asked
        metrics = other.get("metrics")[2].decode()
        assert f'ray_history_opened_total{{from="snapshot"}} {len(SESSIONS)}\n' in metrics, metrics


def documented(language: str, section: str = "Queries") -> list[str]:
    page = (REPOSITORY / "docs" / "tables.md").read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def on(bucket: Path, query: str) -> str:
    """Returns a documented query for a folder and one of its namespaces."""
    query = query.replace("s3://BUCKET", str(bucket))
    return query.replace("'ml'", "'ml-team'").replace('"ml"', '"ml-team"')


@pytest.mark.parametrize("query", documented("sql"), ids=lambda query: query.partition("\n")[0][:40])
def test_documented_queries_have_answers(persisted, query):
    assert duckdb.sql(on(persisted, query)).fetchall()


def test_documented_programs_have_answers(persisted):
    programs = [text for text in documented("python") if text.startswith("import ")]
    assert len(programs) == 2
    for program in programs:
        printed = processes.run([sys.executable, "-c", on(persisted, program)]).stdout
        assert "FINISHED" in printed


def test_runs_have_the_numbers_of_the_api(persisted, told):
    rows = f"read_parquet('{persisted}/ray-history/v1/fleet/runs/*/all.parquet', hive_partitioning = true)"
    asked = f"SELECT namespace, cluster, session, attempts, failed, error_types FROM {rows}"  # noqa: S608
    found = {"sessions/" + "/".join(row[:3]): row[3:] for row in duckdb.sql(asked).fetchall()}
    assert found.keys() == told.keys()
    for session, (attempts, failed, types) in found.items():
        rows_of_api = [row for row in told[session].values() if row["type"] != "DRIVER_TASK"]
        states = Counter(row["state"] for row in rows_of_api)
        assert failed == states["FAILED"], session
        assert attempts >= len(rows_of_api), session
        errors = Counter(row["error_type"] for row in rows_of_api if row["state"] == "FAILED" and row["error_type"])
        assert (types or {}) == errors, session


@pytest.mark.parametrize("query", documented("sql", "Rollups"), ids=lambda query: query.partition("\n")[0][:40])
def test_documented_queries_of_rollups_run(persisted, query):
    other = on(persisted, query).replace("OUT_OF_MEMORY", "TASK_EXECUTION_EXCEPTION")
    assert duckdb.sql(other).fetchall()


def test_documented_programs_of_rollups_run(persisted):
    programs = [text for text in documented("python", "Rollups") if text.startswith("import ")]
    assert len(programs) == 2
    for program in programs:
        other = on(persisted, program).replace("OUT_OF_MEMORY", "TASK_EXECUTION_EXCEPTION")
        assert "session_" in processes.run([sys.executable, "-c", other]).stdout


def test_views_show_what_is_defined(persisted, told):
    connection = duckdb.connect()
    views = (persisted / "ray-history" / "v1" / "views.sql").read_text().replace(f"file://{persisted}", str(persisted))
    connection.execute(views)
    counts = {view: connection.sql(f"SELECT count(*) FROM {view}").fetchall()[0][0] for view in VIEWS}  # noqa: S608
    assert counts["tasks"] == sum(map(len, told.values()))
    assert counts["runs"] == len(told)
    assert all(counts.values()), counts
    for view in VIEWS:
        assert not [name for name in connection.sql(f"FROM {view}").columns if name.startswith("_")], view
    reached = connection.sql("SELECT state, count(*) FROM transitions GROUP BY 1").fetchall()
    assert dict(reached)["RUNNING"] > 50
