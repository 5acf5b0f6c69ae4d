"""A folder that vanishes while it is served, or comes back: never an empty list."""

import json
import shutil

from e2e import bundle
from e2e.server import Server, wait_until

SESSION = "sessions/team/c/session_2026-11-22_23-11-33_821800_1"


def test_a_root_that_vanishes_is_an_error_and_the_list_stays(tmp_path):
    cases = bundle.extract(bundle.FIXTURES / "cases.tar.gz", tmp_path / "cases")
    root, away = tmp_path / "root", tmp_path / "away"
    shutil.copytree(cases / "s3" / "storage", root)
    with Server(root, tmp_path / "log") as server:

        def listed():
            found = server.json("api/history/v1/sessions")
            return len(found["sessions"]), found["stale"]

        assert listed() == (1, False)
        root.rename(away)
        # A session that is not listed makes the server look.
        status, _, body = server.get("sessions/team/other/session_2026-11-22_23-11-33_821800_1/api/v0/tasks")
        assert status in (502, 503), body
        assert listed() == (1, True)
        wait_until(lambda: server.get("readyz")[0] == 503, 5)
        assert b"is not there" in server.get("readyz")[2]
        assert server.get("livez")[0] == 200
        away.rename(root)
        assert server.get("sessions/team/other/session_2026-11-22_23-11-33_821800_1/api/v0/tasks")[0] == 404
        assert listed() == (1, False)
        wait_until(lambda: server.get("readyz")[0] == 200, 5)
        assert json.loads(server.get(f"{SESSION}/api/v0/tasks")[2])["result"]
