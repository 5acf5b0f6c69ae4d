"""A folder that vanishes while it is served, or comes back: never an empty list."""

import json

from e2e.harness import axe, bundle
from e2e.harness.server import Server, wait_until

SESSION = bundle.SMALL


def test_a_root_that_vanishes_is_an_error_and_the_list_stays(tmp_path):
    root, away = bundle.small(tmp_path / "cases"), tmp_path / "away"
    with Server(root, tmp_path / "log") as server:

        def listed():
            found = server.json("api/history/v1/sessions")
            return len(found["sessions"]), found["stale"]

        assert listed() == (1, False)
        root.rename(away)
        # A request for an unlisted session makes the server list again.
        status, _, body = server.get("sessions/team/other/session_2026-11-22_23-11-33_821800_1/api/v0/tasks")
        assert status in (502, 503), body
        assert listed() == (1, True)
        wait_until(lambda: server.get("readyz")[0] == 503, 5)
        assert b"is not there" in server.get("readyz")[2]
        assert server.get("livez")[0] == 200
        away.rename(root)
        # The error is cached for a moment.
        other = "sessions/team/other/session_2026-11-22_23-11-33_821800_1/api/v0/tasks"
        wait_until(lambda: server.get(other)[0] == 404, 15)
        assert listed() == (1, False)
        wait_until(lambda: server.get("readyz")[0] == 200, 5)
        assert json.loads(server.get(f"{SESSION}/api/v0/tasks")[2])["result"]


def test_a_page_of_a_storage_that_is_away_keeps_its_list_and_says_so(window, tmp_path):
    root, away = bundle.small(tmp_path / "cases"), tmp_path / "away"
    with Server(root, tmp_path / "log") as server:
        window.open(f"{server.url}/sessions/")
        window.wait_for_text("1 session")
        root.rename(away)
        wait_until(lambda: server.get("readyz")[0] == 503, 60)
        window.open(f"{server.url}/sessions/")
        window.wait_for_text("The storage cannot be listed at the moment", SESSION.rsplit("/", 1)[1])
        assert axe.serious(window) == []
        window.open(f"{server.url}/{SESSION}/why")
        window.wait_for_text("Ray's own facts cannot be shown: The storage cannot be read")
        assert axe.serious(window) == []
        away.rename(root)
        wait_until(lambda: server.get("readyz")[0] == 200, 60)
        window.open(f"{server.url}/sessions/")
        window.wait_for_text("1 session")
        assert "cannot be listed" not in window.text()
        window.errors()


def test_a_log_that_is_gone_since_it_was_listed_is_not_found(tmp_path):
    root = bundle.small(tmp_path / "cases")
    name = SESSION.rsplit("/", 1)[1]
    log = root / "cluster-history" / "raycluster" / "team" / "c" / name / ("f" * 56) / "logs" / "worker.out"
    log.parent.mkdir(parents=True)
    log.write_text("a line\n")
    with Server(root, tmp_path / "log") as server:
        asked = f"{SESSION}/api/v0/logs/file?node_id={'f' * 56}&filename=worker.out"
        assert b"a line" in server.get(asked)[2]
        log.unlink()
        status, _, body = server.get(asked)
        assert (status, b"no longer there" in body) == (404, True), body
