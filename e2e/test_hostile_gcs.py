"""Stores that lie, in Google's protocol: an error that says why, or a gap, never a part that looks whole."""

import shutil

import pytest

from e2e.harness import bundle
from e2e.harness.server import StoreServer, wait_until
from e2e.hostile import gcs

SESSION = bundle.SMALL
LOG = f"{SESSION}/api/v0/logs/file?filename=raylet.out&node_id={bundle.SMALL_NODE}"


LOSSES = {"unreadable-files", "damaged-events", "no-events"}


class GcsServer(StoreServer):
    """A server of such a store."""

    def gaps(self) -> set[str]:
        """The codes of what is missing of the session."""
        return {gap["code"] for gap in self.json(f"api/history/v1/{SESSION}")["gaps"]}


def test_without_a_lie_all_is_there(folder, tmp_path):
    with gcs.serve(folder, "none") as store, GcsServer(store.document, tmp_path / "log") as server:
        assert len(server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]) == 3
        assert server.get(f"{LOG}&lines=1")[2] == b"r\n"
        assert not server.gaps() & LOSSES


WHY = {
    "circle": "repeats a page token",
    "repeats": "empty pages",
    "empty": "empty pages",
    "invented": "goes back",
    "back": "goes back",
    "cut": "cannot be understood: it ends within its JSON",
    "html": "cannot be understood: damaged JSON",
    "nothing": "cannot be understood: it is not a listing",
    "error": "cannot be understood: it is not a listing",
    "sizes": "is not a number",
    "generations": "is not a number",
    "unsized": "the size of the object",
    "nameless": "an object has no name",
    "huge": "longer than any page of a listing",
    "crowd": "more entries than were requested",
    "busy": "HTTP 429 rateLimitExceeded",
    "redirect": "HTTP 307",
}


@pytest.mark.parametrize("lie", WHY)
def test_a_listing_that_lies_is_an_error_that_says_why(folder, tmp_path, lie):
    with gcs.serve(folder, lie) as store:
        log = GcsServer(store.document, tmp_path / "log").refuses(WHY[lie])
    assert "panicked" not in log


@pytest.mark.parametrize("lie", ["huge", "crowd"])
def test_a_page_beyond_all_bounds_costs_little_memory(folder, tmp_path, lie):
    log = tmp_path / "log"
    with gcs.serve(folder, "none") as store, GcsServer(store.document, log) as server:
        store.lies(lie)
        # A session that nobody knows is searched for in the store.
        assert server.get(f"{SESSION.replace('/c/', '/d/')}/api/v0/tasks")[0] in (404, 502, 503)
        wait_until(lambda: WHY[lie] in log.read_text(), 60)
        assert server.get("livez")[0] == 200
        assert server.memory("VmHWM") >> 20 < 300
    assert "panicked" not in log.read_text()


def test_keys_outside_the_prefix_harm_nothing(folder, tmp_path):
    log = tmp_path / "log"
    with gcs.serve(folder, "outside") as store, GcsServer(store.document, log) as server:
        assert server.get("livez")[0] == server.get("readyz")[0] == 200
        assert server.get(f"{SESSION}/api/v0/tasks")[0] == 404
        assert server.get(f"{LOG}&lines=1")[0] in (404, 502)
        assert server.memory("VmHWM") >> 20 < 300
    assert "panicked" not in log.read_text()


READS = ["untold", "short", "gunzip", "transcoded", "changes", "page", "wait"]


@pytest.mark.parametrize("lie", READS)
def test_a_body_that_lies_is_a_gap_or_an_error(folder, tmp_path, lie):
    log = tmp_path / "log"
    with gcs.serve(folder, lie) as store, GcsServer(store.document, log) as server:
        status, _, body = server.get(f"{SESSION}/api/v0/tasks")
        assert status in (200, 502, 503), body
        assert status != 200 or server.gaps() & LOSSES, body
        read, _, line = server.get(f"{LOG}&lines=1")
        # What changes with every request has no right bytes.
        assert read != 200 or line == b"r\n" or lie == "changes", line
        assert server.get("livez")[0] == 200
    assert "panicked" not in log.read_text()


PARTS = {
    "none": None,
    "whole": None,
    "elsewhere": b"were requested, but the store sent",
    "longer": b"were requested, but the store sent",
    "untold": b"does not say which bytes it serves",
}


@pytest.mark.parametrize("lie", PARTS)
def test_a_part_is_the_right_one_or_an_error(folder, tmp_path, lie):
    bucket, log = tmp_path / "bucket", tmp_path / "log"
    shutil.copytree(folder, bucket)
    (raylet,) = bucket.rglob("raylet.out")
    raylet.write_text("".join(f"line {number:07}\n" for number in range(100_000)))
    with gcs.serve(bucket, lie) as store, GcsServer(store.document, log) as server:
        status, _, body = server.get(f"{LOG}&lines=1")
    # It has ended, so all of its log is written.
    said = body + log.read_bytes()
    assert (status, body) == (200, b"line 0099999\n") if PARTS[lie] is None else status == 502, body
    assert PARTS[lie] is None or PARTS[lie] in said, said
