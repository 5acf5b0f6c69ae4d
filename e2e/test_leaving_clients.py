"""Work for a client ends when the client closes its connection, or its half of it."""

import socket
import time
from urllib.parse import urlsplit

import pytest

from e2e.harness import bundle
from e2e.harness.object_server import objects_of
from e2e.harness.server import StoreServer, wait_until
from e2e.hostile import quirky_s3

SESSION, NODE = bundle.SMALL, bundle.SMALL_NODE
LOG = "raylet.out"
BYTES = 30_000_000
"""The size of a log without a line end: a search for its last lines reads it all, a megabyte in a quarter second."""


@pytest.fixture
def objects(folder):
    objects = objects_of(folder)
    (key,) = (key for key in objects if key.endswith(f"{NODE}/logs/{LOG}"))
    return {**objects, key: b"x" * BYTES}


@pytest.mark.parametrize("leave", [socket.socket.close, lambda to: to.shutdown(socket.SHUT_WR)], ids=["leaves", "ends"])
def test_a_search_for_lines_ends_with_its_client(objects, tmp_path, leave):
    reads: list[str] = []
    with (
        quirky_s3.serve_objects(objects, "leisurely", reads) as store,
        StoreServer(store, tmp_path / "log") as server,
    ):
        server.json(f"{SESSION}/api/version")

        def searched():
            return sum(key.endswith(LOG) for key in reads)

        before, address = searched(), urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as client:
            query = f"node_id={NODE}&filename={LOG}&lines=5"
            client.sendall(f"GET /{SESSION}/api/v0/logs/file?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_until(lambda: searched() >= before + 3, 20)
            leave(client)
            # A read of the store that has begun may end.
            wait_until(lambda: in_flight(server) == 1, 3)
            ended_at = searched()
            time.sleep(2)
            assert searched() == ended_at
    assert ended_at < before + (BYTES >> 20)


def in_flight(server) -> int:
    """Returns the number of requests that are being answered, this one included."""
    metrics = server.get("metrics")[2].decode()
    name = "ray_history_http_requests_in_flight "
    return int(next(line for line in metrics.splitlines() if line.startswith(name)).split()[1])
