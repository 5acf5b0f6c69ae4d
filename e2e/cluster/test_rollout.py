"""Both replicas are replaced under load, and no request through the Service fails."""

import threading
import time

from e2e.cluster import installation
from e2e.cluster.node import Service
from e2e.harness.manifests import NAMESPACE

PEOPLE = 4


class Load:
    """People who go on asking, each request on a connection of its own; a context manager."""

    def __init__(self, service: Service, *paths: str):
        self._service, self._paths, self._stop = service, paths, threading.Event()
        self.answered, self.failed = 0, []
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(PEOPLE)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int):
        while not self._stop.wait(0.02):
            path = self._paths[number % len(self._paths)]
            number += 1
            status, _, body = self._service.get(path)
            if status == 200:
                self.answered += 1
            else:
                self.failed.append((path, status, body[:200]))


def test_a_rollout_fails_no_request(node, history, stored, measured):
    before = {pod["metadata"]["name"] for pod in installation.running(node, NAMESPACE)}
    paths = ["api/history/v1/sessions", "sessions/", f"{stored.path}/nodes?view=summary", f"{stored.path}/api/v0/tasks"]
    began = time.monotonic()
    with Load(history, *paths) as load:
        node.kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/ray-history-server")
        node.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/ray-history-server", "--timeout=180s")
        # The old pods go on until what they began is answered.
        gone = [f"pod/{name}" for name in before]
        node.kubectl("-n", NAMESPACE, "wait", "--for=delete", *gone, "--timeout=90s")
    measured(f"a rollout of both replicas, {load.answered} requests meanwhile", began)
    assert not load.failed, load.failed[:5]
    assert load.answered > 100
    after = {pod["metadata"]["name"] for pod in installation.running(node, NAMESPACE)}
    assert len(after) == 2
    assert not before & after
