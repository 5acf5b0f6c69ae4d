"""No content of a bucket is taken by a browser for another type than it is sent as."""

import urllib.error
import urllib.request

import pytest

from e2e.harness import bundle
from e2e.harness.server import Server

SESSION, NODE = bundle.SMALL, bundle.SMALL_NODE
PATHS = [
    f"{SESSION}/api/v0/tasks",
    f"{SESSION}/api/v0/logs/file?node_id={NODE}&filename=raylet.out&lines=1",
    f"{SESSION}/api/v0/logs/file?node_id={NODE}&filename=none.out",
    f"{SESSION}/timezone",
    f"{SESSION}/nothing-of-ours",
    "api/history/v1/sessions",
    "clusters",
    "sessions/",
]


@pytest.fixture(scope="module")
def running(folder, tmp_path_factory):
    with Server(folder, tmp_path_factory.mktemp("log") / "log") as server:
        yield server


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_forbids_guessing_its_type(running, path):
    try:
        answer = urllib.request.urlopen(f"{running.url}/{path}", timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff", (answer.status, dict(answer.headers))
        assert answer.headers["Content-Type"], dict(answer.headers)
