"""Stores that give a part of an object without saying which: it is refused, on S3 and on Azure, and told."""

import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from e2e import bundle, hostile_clouds, quirky_s3
from e2e.loopback import Loopback
from e2e.server import Server

SESSION = "sessions/team/c/session_2026-11-22_23-11-33_821800_1"
NODE = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052"
LOG = f"{SESSION}/api/v0/logs/file?node_id={NODE}&filename=raylet.out&lines=1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    cases = bundle.extract(bundle.FIXTURES / "cases.tar.gz", tmp_path_factory.mktemp("cases"))
    return cases / "s3" / "storage"


class Proxy(BaseHTTPRequestHandler):
    """Stands before a store, and leaves out which part of an object an answer brings."""

    protocol_version = "HTTP/1.1"
    store: str
    leaves_out: bool

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        request = urllib.request.Request(self.store + self.path, headers=headers, method=self.command)
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() != "content-range" or not self.leaves_out:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())


@contextmanager
def before(address: str, *, leaves_out: bool):
    """The address of a proxy before a store."""
    with Loopback(type("Before", (Proxy,), {"store": address, "leaves_out": leaves_out})) as proxy:
        yield f"http://127.0.0.1:{proxy.port}"


class Reader(Server):
    """A server of a store, by other arguments than a folder."""

    def __init__(self, log, arguments: list[str], environment: dict[str, str]):
        super().__init__(log.parent, log, environment=environment)
        at = self._command.index("--local-dir")
        self._command[at : at + 2] = arguments


@contextmanager
def serve(store: str, folder, log, *, leaves_out: bool):
    """A server of a store of a kind."""
    if store == "s3":
        with quirky_s3.serve(folder, "none") as given, before(given["S3_ENDPOINT"], leaves_out=leaves_out) as address:
            reader = Reader(log, ["--storage-backend", "s3"], {**given, "S3_ENDPOINT": address})
            with reader as server:
                yield server
        return
    with hostile_clouds.serve(folder, "azure", "none") as cloud:
        azure = cloud.document["azure"]
        origin, _, account = azure["endpoint"].rpartition("/")
        with before(origin, leaves_out=leaves_out) as address:
            storage = {"azure": {**azure, "endpoint": f"{address}/{account}"}}
            history = {"apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory", "metadata": {"name": "main"}}
            file = log.with_suffix(".json")
            file.write_text(json.dumps({**history, "spec": {"storage": storage}}))
            with Reader(log, ["--config", str(file)], {}) as server:
                yield server


@pytest.mark.parametrize("store", ["s3", "azure"])
def test_a_part_of_which_nobody_says_which_it_is_is_refused(folder, tmp_path, store):
    with serve(store, folder, tmp_path / "log", leaves_out=True) as server:
        status, _, body = server.get(LOG)
        tasks = server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]
    assert status == 502, body
    assert b"does not say which bytes it serves" in body + (tmp_path / "log").read_bytes()
    # Whole objects need no such word.
    assert len(tasks) == 3


@pytest.mark.parametrize("store", ["s3", "azure"])
def test_through_the_same_proxy_a_part_that_is_told_is_read(folder, tmp_path, store):
    with serve(store, folder, tmp_path / "log", leaves_out=False) as server:
        assert server.get(LOG)[2] == b"r\n"
