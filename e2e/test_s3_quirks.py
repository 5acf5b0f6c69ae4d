"""Stores that are not Amazon's: a listing is read whole or is an error, never a part that looks whole."""

import itertools

import pytest

from e2e.harness import bundle
from e2e.harness.server import StoreServer, wait_until
from e2e.hostile import quirky_s3

SESSION, NODE = bundle.SMALL, bundle.SMALL_NODE


@pytest.mark.parametrize("quirk", ["none", "no-token"])
def test_a_listing_is_read_to_its_end(folder, tmp_path, quirk):
    with quirky_s3.serve(folder, quirk) as store, StoreServer(store, tmp_path / "log") as server:
        tasks = server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]
        report = server.json(f"api/history/v1/{SESSION}")
    assert (len(tasks), report["report"]["records"]) == (3, 10)


WHY = ["cut off", "does not say", "cannot be understood", "repeats a page", "goes back", "longer than any page"]


@pytest.mark.parametrize("quirk", ["cut", "unsaid", "pingpong", "infinite", "invented", "huge", "endless"])
def test_a_listing_without_a_proven_end_is_an_error(folder, tmp_path, quirk):
    with quirky_s3.serve(folder, quirk) as store:
        StoreServer(store, tmp_path / "log").refuses(*WHY)


def test_a_store_that_ignores_tokens_serves_no_session_in_part(folder, tmp_path):
    """The markers fit in one page, the files of the session do not."""
    log = tmp_path / "log"
    with quirky_s3.serve(folder, "v1-only") as store, StoreServer(store, log) as server:
        status, _, body = server.get(f"{SESSION}/api/v0/tasks")
    assert status in (502, 503), body
    assert any(why in log.read_text() for why in WHY), log.read_text()


def test_probes_are_answered_while_the_first_listing_runs(folder, tmp_path):
    log, listening = tmp_path / "log", r"listening.*address=([0-9.:]+)"
    with quirky_s3.serve(folder, "slow") as store, StoreServer(store, log, started=listening) as server:
        assert (server.get("livez")[0], server.get("readyz")[0]) == (200, 503)
        assert b"not been listed yet" in server.get("readyz")[2]
        status, _, body = server.get(f"{SESSION}/api/v0/tasks")
        assert status in (200, 503), body
        wait_until(lambda: server.get("readyz")[0] == 200, 30)
        assert server.json(f"{SESSION}/api/v0/tasks")


def test_a_store_that_is_busy_at_the_start_is_waited_for(folder, tmp_path):
    log = tmp_path / "log"
    with quirky_s3.serve(folder, "busy") as store, StoreServer(store, log) as server:
        assert server.json(f"{SESSION}/api/v0/tasks")
    assert "trying again in 1 s" in log.read_text()


def test_an_unreachable_store_is_reported_in_words(folder, tmp_path):
    with quirky_s3.serve(folder, "none") as store:
        pass
    log, listening = tmp_path / "log", r"listening.*address=([0-9.:]+)"
    with StoreServer(store, log, started=listening) as server:
        wait_until(lambda: "trying again" in log.read_text(), 30)
        status, _, why = server.get("readyz")
    assert status == 503
    assert b"Connection refused" in why, why
    assert not any(debug in why.decode() + log.read_text() for debug in ("ConnectorError", "kind:", "source:"))


def test_an_archived_object_is_reported_and_the_rest_is_read(folder, tmp_path):
    log = tmp_path / "log"
    with quirky_s3.serve(folder, "archived") as store, StoreServer(store, log) as server:
        status, _, body = server.get(f"{SESSION}/api/v0/tasks")
        names = server.json(f"{SESSION}/api/v0/logs?node_id={NODE}")["data"]["result"]
        raylet = server.get(f"{SESSION}/api/v0/logs/file?node_id={NODE}&filename=raylet.out")
        version = server.json(f"{SESSION}/api/version")
    assert status == 502, body
    assert b"archive" in body
    assert names["raylet"] == ["raylet.out"]
    assert (raylet[0], raylet[2]) == (200, b"r\n")
    assert version["ray_version"]
    assert "moved to an archive" in log.read_text()
    assert "InvalidObjectState" in log.read_text()


@pytest.mark.parametrize("quirk", ["no-length", "transcode", "no-ranges"])
def test_bodies_are_read_without_a_length_or_ranges(folder, tmp_path, quirk):
    url = f"{SESSION}/api/v0/logs/file?node_id={NODE}&filename=raylet.out"
    with quirky_s3.serve(folder, quirk) as store, StoreServer(store, tmp_path / "log") as server:
        tasks = server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]
        logs = [server.get(f"{url}&lines={lines}")[2] for lines in (1, -1)]
        report = server.json(f"api/history/v1/{SESSION}")
    assert len(tasks) == 3
    assert logs == [b"r\n", b"r\n"]
    assert report["report"]["unreadableFiles"]["count"] == 0


def test_empty_objects_that_stand_for_folders_are_no_files(folder, tmp_path):
    with quirky_s3.serve(folder, "folders") as store, StoreServer(store, tmp_path / "log") as server:
        names = server.json(f"{SESSION}/api/v0/logs?node_id={NODE}")["data"]["result"]
        inside = server.json(f"{SESSION}/api/v0/logs?node_id={NODE}&glob=events/*")["data"]["result"]
        tasks = server.json(f"{SESSION}/api/v0/tasks")["data"]["result"]["result"]
        sessions = server.json("api/history/v1/sessions")
    assert sorted(itertools.chain(*names.values())) == ["events/", "raylet.out"]
    assert list(itertools.chain(*inside.values())) == ["events/event_GCS.log"]
    assert len(tasks) == 3
    assert len(sessions["sessions"]) == 1
