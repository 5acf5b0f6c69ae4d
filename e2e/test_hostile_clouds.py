"""Stores that lie, in Azure's and OSS's protocols: an error with its reason, or a gap, never a seeming whole."""

import pytest

from e2e.harness import bundle
from e2e.harness.server import StoreServer, wait_until
from e2e.hostile import clouds

SESSION = bundle.SMALL
CLOUDS = pytest.mark.parametrize("cloud", ["azure", "oss"])


@CLOUDS
def test_without_a_lie_all_is_there(folder, tmp_path, cloud):
    log = tmp_path / "log"
    with clouds.serve(folder, cloud, "none") as store, StoreServer(store.document, log) as server:
        assert len(server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]) == 3
        assert not unreadable(server)


WHY = {
    "circle": "repeats a page",
    "invented": "goes back",
    "cut": "cannot be understood",
    "endless": "longer than any page",
    "error": "cannot be understood",
    "html": "cannot be understood",
    "redirect": "set region and endpoint",
}


@CLOUDS
@pytest.mark.parametrize("lie", WHY)
def test_a_listing_that_lies_is_an_error_that_says_why(folder, tmp_path, cloud, lie):
    with clouds.serve(folder, cloud, lie) as store:
        StoreServer(store.document, tmp_path / "log").refuses(WHY[lie])
        assert not store.strangers


@CLOUDS
@pytest.mark.parametrize("lie", ["short", "other", "longer"])
def test_a_body_that_lies_is_a_gap_or_an_error(folder, tmp_path, cloud, lie):
    log = tmp_path / "log"
    with clouds.serve(folder, cloud, lie) as store, StoreServer(store.document, log) as server:
        status, _, body = server.get(f"{SESSION}/api/v0/tasks")
        if lie == "longer":
            # HTTP itself leaves out what is beyond the length.
            assert (status, unreadable(server)) == (200, False)
        elif status == 200:
            assert unreadable(server), body
        else:
            assert status in (502, 503), body


@CLOUDS
def test_lost_rights_are_reported_and_recovered(folder, tmp_path, cloud):
    log = tmp_path / "log"
    with clouds.serve(folder, cloud, "denied") as store:
        store.allowed.set()
        with StoreServer(store.document, log) as server:
            assert server.json("api/history/v1/sessions")["sessions"]
            store.allowed.clear()
            wait_until(lambda: server.get(f"{SESSION}/api/v0/tasks")[0] in (502, 503), 20)
            wait_until(lambda: "allow the identity in use to" in log.read_text(), 20)
            assert server.json("api/history/v1/sessions")["sessions"]
            assert server.get("livez")[0] == server.get("readyz")[0] == 200
            store.allowed.set()
            wait_until(lambda: server.get(f"{SESSION}/api/v0/tasks")[0] == 200, 30)
            wait_until(lambda: not unreadable(server), 30)


def unreadable(server):
    report = server.json(f"api/history/v1/{SESSION}")
    codes = {gap["code"] for gap in report["gaps"]}
    return bool(codes & {"unreadable-files", "damaged-events", "no-events"})
