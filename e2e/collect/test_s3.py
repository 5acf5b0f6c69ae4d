"""The collector and a real S3 server: what is written there, a marker that is written once, a store that is away."""

import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.collect.fake_ray import NODE, SESSION, FakeRay
from e2e.collect.stored import Stored
from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.server import COLLECTOR, StoreServer, wait_until
from e2e.harness.service import get
from e2e.harness.versitygw import Versitygw

CLUSTER, NAMESPACE = "train", "ml"
MARKER = f"cluster-metadata/raycluster/{NAMESPACE}_{CLUSTER}/{SESSION}"
SECONDS = 30


class Collector:
    """A collector that stores often."""

    def __init__(self, process, events: int, control: int):
        self._process = process
        self.address, self._control = f"http://127.0.0.1:{events}/v1/events", f"http://127.0.0.1:{control}"

    def get(self, path: str) -> str:
        status, _, body = get(self._control + path)
        return body.decode() if status == 200 else ""

    def metric(self, name: str) -> float:
        lines = (line.split() for line in self.get("/metrics").splitlines() if not line.startswith("#"))
        return sum(float(value) for key, value in lines if key.startswith(f"ray_history_collect_{name}"))

    def end(self) -> int:
        return processes.stop(self._process, SECONDS)


@contextmanager
def collecting(ray: FakeRay, store: Versitygw, folder: Path):
    """Runs a collector, with a spool of its own in a folder."""
    events, control = free_ports(2)
    own = {
        "RAY_ROLE": "Head",
        "RAY_CLUSTER_NAME": CLUSTER,
        "RAY_CLUSTER_NAMESPACE": NAMESPACE,
        "RAY_TMP_ROOT": str(ray.folder),
        "EVENTS_PORT": str(events),
        "RAY_HISTORY_COLLECT_CONTROL_LISTEN": f"127.0.0.1:{control}",
        "RAY_HISTORY_COLLECT_SPOOL": str(folder / "spool"),
        "RAY_HISTORY_COLLECT_NO_POLL": "true",
        "RAY_HISTORY_COLLECT_FLUSH": "2s",
        "RAY_HISTORY_COLLECT_LOG_FLUSH": "2s",
        **store.variables,
    }
    folder.mkdir(exist_ok=True)
    process = processes.start([COLLECTOR], folder / "log", own)
    collector = Collector(process, events, control)
    try:
        wait_until(lambda: collector.get("/healthz"), SECONDS)
        yield collector
    except BaseException:
        print((folder / "log").read_text())
        raise
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def store(tmp_path):
    with Versitygw(tmp_path) as server:
        yield server


@pytest.fixture
def ray(tmp_path_factory):
    # Sockets have short paths only.
    with FakeRay(tmp_path_factory.mktemp("ray")) as running:
        running.log("raylet.out", "Raylet started\n")
        running.log("worker-1-01000000-7.out", "line 1\n")
        yield running


def growing(stored: Stored) -> dict[str, int]:
    return {str(file.relative_to(stored.prefix)): file.stat().st_size for file in stored.event_files()}


def test_a_session_is_stored_whole_and_proved(ray, store, tmp_path):
    stored = Stored(store.bucket, SESSION, NODE)
    with collecting(ray, store, tmp_path / "first") as collector:
        wait_until((store.bucket / MARKER).is_file, SECONDS)
        assert ray.post(collector.address, 100) == 200
        wait_until(lambda: collector.metric("unflushed_seconds") == 0 and growing(stored), SECONDS)
        first = growing(stored)
        assert len(stored.events()) == 100
        # The objects keep their keys, and grow.
        assert ray.post(collector.address, 300) == 200
        ray.log("worker-1-01000000-7.out", "line 2\n")
        wait_until(lambda: collector.metric("unflushed_seconds") == 0 and len(stored.events()) == 400, SECONDS)
        second = growing(stored)
        assert second.keys() == first.keys()
        assert any(second[key] > size for key, size in first.items())
        wait_until(lambda: list(stored.prefix.glob("ray-history/*/logs-*.seg")), SECONDS)
        wait_until(lambda: stored.logs().get("worker-1-01000000-7.out") == 14, SECONDS)
        assert collector.get("/healthz") == "ok\n"
        assert "closing" not in collector.get("/drain")
        ray.end()
        assert collector.end() == 0
    manifest = stored.manifest
    assert (manifest["state"], manifest["reason"], manifest["events"]["records"]) == ("closed", "pod ended", 400)
    assert manifest["events"]["sealed"]["digest"] == stored.digest(stored.event_files())
    log = stored.prefix / "logs" / "worker-1-01000000-7.out"
    assert log.read_text() == "line 1\nline 2\n"
    with StoreServer(store.variables, tmp_path / "server.log") as server:
        report = server.json(f"api/history/v1/sessions/{NAMESPACE}/{CLUSTER}/{SESSION}")
    proof = report["proof"]
    assert (proof["nodes"], proof["events"], proof["losses"], proof["doubts"]) == (1, 400, [], []), report


def test_a_marker_is_written_once(ray, store, tmp_path):
    """A later collector of the session, whose spool is gone, must not move the time of its start."""
    marker = store.bucket / MARKER
    with collecting(ray, store, tmp_path / "first"):
        wait_until(marker.is_file, SECONDS)
    before = marker.stat()
    with collecting(ray, store, tmp_path / "second") as collector:
        assert ray.post(collector.address, 10) == 200
        wait_until(lambda: collector.metric("unflushed_seconds") == 0 and collector.metric("puts_total") > 0, SECONDS)
        assert collector.metric('put_errors_total{kind="') == 0
    after = marker.stat()
    assert (after.st_mtime_ns, after.st_ino, after.st_size) == (before.st_mtime_ns, before.st_ino, 0)


def test_nothing_is_lost_while_the_store_is_away(ray, store, tmp_path):
    stored = Stored(store.bucket, SESSION, NODE)
    with collecting(ray, store, tmp_path / "first") as collector:
        assert ray.post(collector.address, 50) == 200
        wait_until(lambda: collector.metric("unflushed_seconds") == 0 and growing(stored), SECONDS)
        store.stop()
        for _ in range(5):
            assert ray.post(collector.address, 50) == 200
            time.sleep(0.5)
        ray.log("worker-1-01000000-7.out", "while it was away\n")
        wait_until(lambda: "storage: nothing could be stored" in collector.get("/healthz"), SECONDS)
        assert collector.metric("unflushed_seconds") > 0
        assert len(stored.events()) == 50
        store.start()
        wait_until(lambda: len(stored.events()) == 300, 2 * SECONDS)
        wait_until(lambda: collector.get("/healthz") == "ok\n", SECONDS)
        wait_until(lambda: stored.logs().get("worker-1-01000000-7.out") == 25, 2 * SECONDS)
    numbers = sorted(event["eventId"] for event in stored.events())
    assert numbers == [f"{number:08}" for number in range(300)]
