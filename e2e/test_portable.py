"""A session as one file: exported from a server and from a store, served, unpacked, asked with SQL, and damaged."""

import io
import zipfile
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest

from e2e.harness import bundle, processes
from e2e.harness.bundle import HARD_260, MIXED, SERVICE, SESSIONS
from e2e.harness.server import BINARY, PortableServer, Server

HIDDEN = ["--redaction", "always"]
QUESTIONS = ("api/v0/tasks?detail=1&limit=10000", "api/v0/actors?detail=1", "nodes?view=summary", "api/jobs/")


def export(session, file: Path, *flags) -> Path:
    name = session.path.removeprefix("sessions/")
    processes.run([BINARY, "export", name, "--output", file, *flags])
    return file


def rows(server, session, what: str) -> list[dict]:
    return server.json(f"{session.path}/api/v0/{what}?detail=1&limit=10000")["data"]["result"]["result"]


@pytest.fixture(scope="module")
def files(server, tmp_path_factory) -> list[Path]:
    """The files of both sessions, from a server."""
    folder = tmp_path_factory.mktemp("portable")
    return [export(session, folder / f"{session.name}.rayhistory", "--server", server.url) for session in SESSIONS]


def test_several_files_are_served_together(files, bucket, tmp_path):
    with PortableServer(files, tmp_path / "log", *HIDDEN) as portable, Server(bucket, tmp_path / "raw", *HIDDEN) as raw:
        assert len(portable.json("api/history/v1/sessions")["sessions"]) == len(SESSIONS)
        for session in SESSIONS:
            for question in QUESTIONS:
                asked = f"{session.path}/{question}"
                # Documents whose values are hidden may have other spaces.
                assert portable.json(asked) == raw.json(asked), asked


def test_log_files_that_it_has_can_be_read(bucket, tmp_path):
    file = export(SERVICE, tmp_path / "all.rayhistory", "--local-dir", bucket, "--logs", "all")
    with PortableServer([file], tmp_path / "log") as portable, Server(bucket, tmp_path / "raw") as raw:
        for node in rows(raw, SERVICE, "nodes"):
            asked = f"{SERVICE.path}/api/v0/logs?node_id={node['node_id']}&glob=**"
            assert portable.json(asked) == raw.json(asked)
            asked = f"{SERVICE.path}/api/v0/logs/file?node_id={node['node_id']}&filename=raylet.out&lines=100"
            assert portable.get(asked)[2] == raw.get(asked)[2] != b""


def test_commands_read_files(files):
    printed = processes.run([BINARY, "list", "--file", files[0], "--file", files[1], "-o", "name"]).stdout
    assert sorted(printed.split()) == sorted(session.path.removeprefix("sessions/") for session in SESSIONS)
    again = export(MIXED, files[0].with_name("again.rayhistory"), "--file", files[0])
    with zipfile.ZipFile(again) as one, zipfile.ZipFile(files[0]) as other:
        tables = [name for name in one.namelist() if "/v1/tables/tasks/" in name]
        assert tables
        assert all(one.read(name) == other.read(name) for name in tables), "the tables of a file of a file are the same"


def everything(file: Path) -> str:
    """Returns all texts in a file, whatever packs them."""
    texts = []
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith(".rhs"):
                with zipfile.ZipFile(io.BytesIO(data)) as head:
                    members = [(name, head.read(name)) for name in head.namelist()]
            else:
                members = [(name, data)]
            for member, content in members:
                is_table = member.endswith(".parquet")
                table = pyarrow.parquet.read_table(io.BytesIO(content)).to_pydict() if is_table else content
                texts.append(str(table))
    return "\n".join(texts)


def test_no_value_of_a_variable_is_in_it(tmp_path):
    bucket = HARD_260.storage(bundle.unpack(tmp_path / "unpacked", [HARD_260]))
    with Server(bucket, tmp_path / "log") as raw:
        environments = [row["runtime_env"].get("env_vars") or {} for row in rows(raw, HARD_260, "runtime_envs")]
    secrets = {value for variables in environments for value in variables.values() if len(value) > 5}
    assert secrets, "the session has none, so nothing is shown"
    text = everything(export(HARD_260, tmp_path / "x.rayhistory", "--local-dir", bucket))
    assert "<redacted>" in text
    assert [secret for secret in secrets if f'"{secret}"' in text or f"'{secret}'" in text] == []


def test_an_unpacked_file_is_a_folder_and_a_database(files, server, tmp_path):
    with zipfile.ZipFile(files[0]) as archive:
        archive.extractall(tmp_path)
    assert "ray-history serve" in (tmp_path / "README.txt").read_text()
    with duckdb.connect() as database:
        # The views name the tables below the folder in which the engine runs.
        database.sql(f"SET file_search_path = '{tmp_path}'")
        database.execute((tmp_path / "views.sql").read_text())

        def count(what: str) -> int:
            return database.execute(f"SELECT count(*) FROM {what}").fetchone()[0]  # noqa: S608

        assert count("tasks") == len(rows(server, MIXED, "tasks"))
        assert count("actors") == len(rows(server, MIXED, "actors"))
        assert count("nodes") == len(rows(server, MIXED, "nodes"))
        finished = sum(row["state"] == "FINISHED" for row in rows(server, MIXED, "tasks"))
        assert count("transitions WHERE state = 'finished_at'") >= finished > 0
        for view in ("profile_events", "jobs", "workers", "failures"):
            assert count(view) > 0, view
    with Server(tmp_path, tmp_path / "log") as folder:
        assert len(rows(folder, MIXED, "tasks")) == len(rows(server, MIXED, "tasks"))


def test_raw_data_comes_along_if_asked_for(bucket, tmp_path):
    file = export(MIXED, tmp_path / "raw.rayhistory", "--local-dir", bucket, "--raw")
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    stored = {
        str(path.relative_to(bucket))
        for path in bucket.rglob("*")
        if path.is_file() and "raycluster-mixed" in str(path)
    }
    assert len(stored) > 100
    assert not {name for name in stored if "/session_" in name and "cluster-metadata" not in name} - set(names)


def test_messages_stay_out_if_unwanted(bucket, tmp_path):
    file = export(MIXED, tmp_path / "x.rayhistory", "--local-dir", bucket, "--no-messages", "--logs", "none")
    with zipfile.ZipFile(file) as archive:
        tasks = [name for name in archive.namelist() if "/tables/tasks/" in name]
        table = pyarrow.parquet.read_table(io.BytesIO(archive.read(tasks[0])))
        assert set(table["error_message"].to_pylist()) == {None}
        assert not [name for name in archive.namelist() if "/logs/" in name]


@pytest.mark.parametrize("damage", ["cut", "text", "flipped", "missing"])
def test_what_is_no_file_of_a_session_is_refused_in_words(files, tmp_path, damage):
    whole, file = files[0].read_bytes(), tmp_path / "x.rayhistory"
    match damage:
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "text":
            file.write_text("Dear all,\n")
        case "flipped":
            # The way in which the head is packed.
            at = whole.rindex(b"PK\x01\x02", 0, whole.rindex(b".rhs"))
            file.write_bytes(whole[: at + 10] + b"\xff\xff" + whole[at + 12 :])
    told = processes.run([BINARY, "serve", file, "--listen", "127.0.0.1:0"], succeeds=False).stderr
    assert "x.rayhistory" in told
    assert "is not a portable file" in told or "cannot be read" in told
    assert "panicked" not in told


def test_two_states_of_a_session_are_not_mixed(files, bucket, tmp_path):
    other = export(MIXED, tmp_path / "other.rayhistory", "--local-dir", bucket, "--no-messages")
    told = processes.run([BINARY, "serve", files[0], other, "--listen", "127.0.0.1:0"], succeeds=False).stderr
    assert "hold the same session" in told


def test_nothing_is_left_of_an_export_that_fails(server, tmp_path):
    name = SERVICE.path.removeprefix("sessions/").replace("recsys", "other")
    done = processes.run([BINARY, "export", name, "--server", server.url, "--output", tmp_path / "x"], succeeds=False)
    assert done.returncode == 1
    assert "no session" in done.stderr
    assert list(tmp_path.iterdir()) == []
