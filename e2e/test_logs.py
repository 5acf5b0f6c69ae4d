"""All logs of a session: what is found is what is there, the archive has every byte, and neither takes memory."""

import io
import json
import os
import re
import shutil
import socket
import time
import zipfile
from urllib.parse import urlsplit

import pytest

from e2e.harness import bundle, processes
from e2e.harness.bundle import MIXED, SERVICE
from e2e.harness.object_server import objects_of
from e2e.harness.server import BINARY, Server, StoreServer, wait_until
from e2e.hostile import quirky_s3

SMALL, NODE = bundle.SMALL, bundle.SMALL_NODE


def api(path: str, below: str) -> str:
    """Returns the path of our API for a session's logs."""
    return f"api/history/v1/{path}/logs/{below}"


def search(server, path: str, query: str) -> tuple[list[dict], dict]:
    """Returns the hits and the summary of a search."""
    status, kind, body = server.get(api(path, f"search?{query}"))
    assert (status, kind) == (200, "application/x-ndjson"), body
    *hits, last = map(json.loads, body.splitlines())
    return hits, last["summary"]


@pytest.fixture(scope="module")
def stored(unpacked):
    """The stored logs of a session by node and path."""

    def logs(session) -> dict[tuple[str, str], bytes]:
        found = {}
        for key, body in objects_of(session.storage(unpacked)).items():
            below = re.search(r"/([0-9a-f]{56})/logs/(.+)$", key)
            if below:
                found[below[1], below[2]] = body
        assert found
        return found

    return logs


@pytest.mark.parametrize("session", [MIXED, SERVICE], ids=lambda session: session.name)
@pytest.mark.parametrize(
    ("query", "pattern"),
    [
        ("q=INFO", rb"INFO"),
        ("q=error&ignoreCase=true", rb"(?i)error"),
        ("q=pid%3D[0-9]%2B\\b&regex=true", rb"pid=[0-9]+\b"),
    ],
    ids=["text", "case", "regex"],
)
def test_a_search_finds_the_lines_that_grep_finds(server, stored, session, query, pattern):
    hits, summary = search(server, session.path, f"{query}&limit=10000")
    found = sorted((hit["node"], hit["file"], hit["line"]) for hit in hits)
    expected = []
    for (node, path), body in stored(session).items():
        lines = body.split(b"\n")
        expected += [(node, path, at) for at, line in enumerate(lines, 1) if re.search(pattern, line)]
    assert found == sorted(expected)
    assert summary["files"] == summary["filesRead"] == len(stored(session))
    for hit in hits[:50]:
        body = stored(session)[hit["node"], hit["file"]]
        line = body[hit["offset"] :].split(b"\n")[0].decode(errors="replace").rstrip("\r")
        assert hit["text"] == line or hit["cut"]


def test_an_archive_has_every_byte_of_every_log(server, stored, tmp_path):
    logs = stored(SERVICE)
    size = server.json(api(SERVICE.path, "download?dry=true"))
    assert size == {"files": len(logs), "bytes": sum(map(len, logs.values()))}
    status, kind, body = server.get(api(SERVICE.path, "download"))
    assert (status, kind) == (200, "application/zip")
    nodes = server.json(f"{SERVICE.path}/api/v0/nodes")["data"]["result"]["result"]
    addresses = {node["node_id"]: node["node_ip"] for node in nodes}
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert packed == {f"{addresses[node]}/{path}": body for (node, path), body in logs.items()}
    file = tmp_path / "logs.zip"
    file.write_bytes(body)
    if unzip := shutil.which("unzip"):
        processes.run([unzip, "-tq", file])
    _, _, errors = server.get(api(SERVICE.path, "download?file=*.err"))
    with zipfile.ZipFile(io.BytesIO(errors)) as archive:
        assert set(archive.namelist()) == {name for name in packed if name.endswith(".err")}


@pytest.fixture
def grown(folder, tmp_path):
    """Returns a folder with the small session, and a log of it that a test may write."""
    copy = tmp_path / "bucket"
    shutil.copytree(folder, copy)
    (log,) = copy.rglob(f"{NODE}/logs/raylet.out")
    return copy, log


def test_a_log_of_more_than_4_gib_is_sent_with_constant_memory(grown, tmp_path):
    bucket, log = grown
    size = (4 << 30) + 12_345
    os.truncate(log, size)
    with Server(bucket, tmp_path / "log") as server:
        server.json(f"{SMALL}/api/version")
        before = server.memory("VmHWM")
        status, _, body = server.get(api(SMALL, "download?file=raylet.out"))
        assert status == 200
        assert server.memory("VmHWM") - before < 64 << 20
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        (entry,) = archive.infolist()
        assert (entry.file_size, entry.filename.split("/")[-1]) == (size, "raylet.out")
        assert archive.testzip() is None


def test_a_search_of_many_bytes_holds_few(grown, tmp_path):
    bucket, log = grown
    with log.open("wb") as to:
        for _ in range(300):
            to.write(b"nothing to see here, or there\n" * 35_000)
        to.write(b"RuntimeError: CUDA error: out of memory\n")
    with Server(bucket, tmp_path / "log") as server:
        server.json(f"{SMALL}/api/version")
        before = server.memory("VmHWM")
        hits, summary = search(server, SMALL, "q=CUDA+error&context=2")
        assert [hit["line"] for hit in hits] == [300 * 35_000 + 1]
        assert not summary["truncated"]
        assert hits[0]["before"] == ["nothing to see here, or there"] * 2
        assert server.memory("VmHWM") - before < 64 << 20


def test_a_search_ends_with_its_client(folder, tmp_path):
    objects = objects_of(folder)
    (key,) = (key for key in objects if key.endswith(f"{NODE}/logs/raylet.out"))
    objects[key] = b"nothing\n" * 25_000_000
    reads: list[str] = []
    with (
        quirky_s3.serve_objects(objects, "leisurely", reads) as store,
        StoreServer(store, tmp_path / "log") as server,
    ):
        server.json(f"{SMALL}/api/version")

        def searched():
            return sum(each == key for each in reads)

        before, address = searched(), urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as client:
            client.sendall(f"GET /{api(SMALL, 'search?q=nowhere')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_until(lambda: searched() >= before + 14, 20)
        time.sleep(2)
        ended_at = searched()
        time.sleep(2)
        assert searched() == ended_at < before + 200


@pytest.fixture(scope="module")
def logs(server):
    """Runs `ray-history logs` against the server."""

    def run(*arguments, **options):
        own = {"RAY_HISTORY_SERVER": server.url}
        return processes.run([BINARY, "logs", *arguments], own=own, succeeds=None, **options)

    return run


def test_grep_prints_lines_and_has_the_exit_codes_of_grep(logs):
    session = SERVICE.path.removeprefix("sessions/")
    found = logs("grep", "Started Serve", session, "--job", "serve-deploy", "-C", "1")
    assert found.returncode == 0
    assert not found.stderr
    before, hit, after, end = found.stdout.splitlines()
    assert re.fullmatch(r"[0-9a-f]{56}/job-driver-serve-deploy\.log:9:INFO .* Started Serve in .*", hit)
    assert "-8-" in before
    assert "-10-" in after
    assert end == "--"
    assert "\x1b" not in found.stdout
    latest = logs("grep", "-i", "started serve", "rayservice/ml-serving/recsys", "--kind", "job", "--json")
    *hits, summary = map(json.loads, latest.stdout.splitlines())
    assert latest.returncode == 0
    assert len(hits) == 1
    assert summary["summary"]["hits"] == 1
    assert logs("grep", "nowhere in any log", session).returncode == 1
    for arguments, reason in [
        (["a(", "-E", session], "regular expression"),
        (["a", "ml-serving/nothing/session_2026-11-23_07-07-14_513426_5513"], "404"),
        (["a", "rayjob/ml-serving/nothing"], "404"),
        (["a", "x"], "NAMESPACE/CLUSTER/SESSION"),
        (["a", session, "--server", "http://127.0.0.1:1"], "cannot be reached"),
    ]:
        failed = logs("grep", *arguments)
        assert (failed.returncode, failed.stdout) == (2, "")
        assert reason in failed.stderr


def test_a_closed_pipe_ends_grep_quietly(server):
    script = f"{BINARY} logs grep INFO {SERVICE.path.removeprefix('sessions/')} | head -1"
    done = processes.run(["sh", "-c", script], own={"RAY_HISTORY_SERVER": server.url})
    assert len(done.stdout.splitlines()) == 1
    assert not done.stderr


def test_download_writes_a_whole_file_or_none(logs, stored, tmp_path):
    session = SERVICE.path.removeprefix("sessions/")
    size = logs("download", session, "--dry-run").stdout
    assert size == f"{len(stored(SERVICE))} files, {sum(map(len, stored(SERVICE).values()))} bytes\n"
    done = logs("download", session, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.iterdir()
    assert file.name == f"{session.split('/', 1)[1].replace('/', '-')}-logs.zip"
    assert file.name in done.stdout
    with zipfile.ZipFile(file) as archive:
        assert len(archive.namelist()) == len(stored(SERVICE))
        assert archive.testzip() is None
    piped = logs("download", session, "-o", "-", "--file", "*.err", text=False)
    with zipfile.ZipFile(io.BytesIO(piped.stdout)) as archive:
        assert archive.namelist()
    assert logs("download", session, "-o", tmp_path / "none" / "x.zip").returncode == 2
