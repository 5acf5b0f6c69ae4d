"""A folder that vanishes while it is served, or comes back: never an empty list."""

import json

from e2e.harness import bundle
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
