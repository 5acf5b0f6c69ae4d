"""Stores that lie, in Google's protocols: an error that says why, or a gap, never a part that looks whole."""

import pytest

from e2e import hostile_gcs
from e2e.harness import bundle
from e2e.harness.server import StoreServer, wait_until

SESSION = bundle.SMALL
LOG = f"{SESSION}/api/v0/logs/file?filename=raylet.out&node_id={bundle.SMALL_NODE}"


class GcsServer(StoreServer):
    """A server of such a store."""

    def gaps(self) -> set[str]:
        """The codes of what is missing of the session."""
        return {gap["code"] for gap in self.json(f"api/history/v1/{SESSION}")["gaps"]}


def test_without_a_lie_all_is_there(folder, tmp_path):
    with hostile_gcs.serve(folder, "none") as document, GcsServer(document, tmp_path / "log") as server:
        assert len(server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]) == 3
        assert server.get(f"{LOG}&lines=1")[2] == b"r\n"
        assert not server.gaps() & {"unreadable-files", "damaged-events", "no-events"}


WHY = {
    "circle": "repeats a page",
    "repeats": "empty pages",
    "empty": "empty pages",
    "invented": "goes back",
    "back": "goes back",
    "cut": "cannot be",
    "html": "cannot be",
    "busy": "RESOURCE_EXHAUSTED",
}


@pytest.mark.parametrize("lie", WHY)
def test_a_listing_that_lies_is_an_error_that_says_why(folder, tmp_path, lie):
    log = tmp_path / "log"
    with hostile_gcs.serve(folder, lie) as document, pytest.raises(AssertionError, match="did not start serving"):
        GcsServer(document, log).__enter__()
    assert WHY[lie] in log.read_text(), log.read_text()
    assert "panicked" not in log.read_text()


@pytest.mark.parametrize("lie", ["outside", "sizes", "nothing", "huge"])
def test_odd_listings_harm_nothing(folder, tmp_path, lie):
    log = tmp_path / "log"
    with hostile_gcs.serve(folder, lie) as document, GcsServer(document, log) as server:
        assert server.get("livez")[0] == server.get("readyz")[0] == 200
        # A page of 200 MB takes its time.
        status = 200 if lie == "sizes" else 404
        wait_until(lambda: server.get(f"{SESSION}/api/v0/tasks")[0] == status, 90)
        assert server.get(f"{LOG}&lines=1")[0] in (200, 404, 502)
        # Google's client reads pages whole, several at a time: nothing is promised of huge ones (docs/storage.md).
        if lie != "huge":
            assert server.memory("VmHWM") >> 20 < 300
    assert "panicked" not in log.read_text()


READS = ["whole", "untold", "short", "longer", "gunzip", "changes", "page", "wait"]


@pytest.mark.parametrize("lie", READS)
def test_a_body_that_lies_is_a_gap_or_an_error(folder, tmp_path, lie):
    log = tmp_path / "log"
    with hostile_gcs.serve(folder, lie) as document, GcsServer(document, log) as server:
        status, _, body = server.get(f"{SESSION}/api/v0/tasks")
        if status == 200 and lie not in ("whole", "longer"):
            assert server.gaps() & {"unreadable-files", "damaged-events", "no-events"}, body
        else:
            assert status in (200, 502, 503), body
        read, _, line = server.get(f"{LOG}&lines=1")
        # What changes with every request has no right bytes.
        assert read != 200 or line == b"r\n" or lie == "changes", line
        assert server.get("livez")[0] == 200
    assert "panicked" not in log.read_text()
