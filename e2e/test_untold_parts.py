"""Stores that send a part of an object without its range: it is refused and reported, on S3 and on Azure."""

import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from e2e.harness import bundle
from e2e.harness.loopback import Loopback
from e2e.harness.object_server import Answering
from e2e.harness.server import StoreServer
from e2e.hostile import clouds, quirky_s3

SESSION, NODE = bundle.SMALL, bundle.SMALL_NODE
LOG = f"{SESSION}/api/v0/logs/file?node_id={NODE}&filename=raylet.out&lines=1"


class Proxy(Answering):
    """Stands before a store, and leaves out the range of a part."""

    store: str
    leaves_out: bool

    def respond(self):
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


@contextmanager
def serve(store: str, folder, log, *, leaves_out: bool):
    """A server of a store of a kind, behind the proxy."""
    with quirky_s3.serve(folder, "none") as s3, clouds.serve(folder, "azure", "none") as cloud:
        azure = cloud.document["azure"]
        origin, _, account = azure["endpoint"].rpartition("/")
        with before(s3["S3_ENDPOINT"] if store == "s3" else origin, leaves_out=leaves_out) as address:
            documents = {
                "s3": {**s3, "S3_ENDPOINT": address},
                "azure": {"azure": {**azure, "endpoint": f"{address}/{account}"}},
            }
            with StoreServer(documents[store], log) as server:
                yield server


@pytest.mark.parametrize("store", ["s3", "azure"])
def test_a_part_without_its_range_is_refused(folder, tmp_path, store):
    with serve(store, folder, tmp_path / "log", leaves_out=True) as server:
        status, _, body = server.get(LOG)
        tasks = server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]
    assert status == 502, body
    assert b"does not say which bytes it serves" in body + (tmp_path / "log").read_bytes()
    # Whole objects need no range.
    assert len(tasks) == 3


@pytest.mark.parametrize("store", ["s3", "azure"])
def test_a_part_with_its_range_is_read_through_the_same_proxy(folder, tmp_path, store):
    with serve(store, folder, tmp_path / "log", leaves_out=False) as server:
        assert server.get(LOG)[2] == b"r\n"
