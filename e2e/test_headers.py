"""Nothing that a bucket holds is taken by a browser for another type than it is sent as."""

import urllib.error
import urllib.request

import pytest

from e2e import bundle
from e2e.server import Server

SESSION = "sessions/team/c/session_2026-11-22_23-11-33_821800_1"
NODE = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052"
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
def running(tmp_path_factory):
    cases = bundle.extract(bundle.FIXTURES / "cases.tar.gz", tmp_path_factory.mktemp("cases"))
    with Server(cases / "s3" / "storage", tmp_path_factory.mktemp("log") / "log") as server:
        yield server


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_is_told_to_guess_no_types(running, path):
    try:
        answer = urllib.request.urlopen(f"{running.url}/{path}", timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff", (answer.status, dict(answer.headers))
        assert answer.headers["Content-Type"], dict(answer.headers)
