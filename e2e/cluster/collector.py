"""A collector of events and logs, as a sidecar of a Ray pod: what KubeRay's v1.7 does, in little.

KubeRay publishes its own as a container image only. This one takes the events that Ray posts, asks the head for the
answers that are stored, and writes events, logs and the marker where KubeRay's would. It runs with the Python of Ray's
image.
"""

import contextlib
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from e2e.cluster.bucket import Bucket
from e2e.recording.receiver import ROTATION_SECONDS, Receiver
from e2e.recording.store import POLLED

PORT = 8084
"""Where Ray is told to post its events, as KubeRay's documentation has it."""


class Session:
    """The session of the head, once its dashboard answers."""

    def __init__(self, dashboard: str):
        self._dashboard = dashboard
        self.node = ""
        """The id of the pod's own node, once it is up."""
        while not (found := self._asked("/api/version")):
            time.sleep(0.5)
        self.name = json.loads(found)["session_name"]

    def wait_for_node(self, ip: str):
        while not (node := self._node(ip)):
            time.sleep(0.5)
        self.node = node

    def _node(self, ip: str) -> str | None:
        rows = json.loads(self._asked("/nodes?view=summary") or "{}").get("data", {}).get("summary", [])
        # A row has no address before the node's agent has reported.
        ids = (row.get("raylet", {}).get("nodeId") for row in rows if row.get("ip") == ip)
        return next(filter(None, ids), None)

    def _asked(self, path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(self._dashboard + path, timeout=10) as answer:
                return answer.read()
        except OSError:
            return None

    def answers(self) -> dict[str, bytes]:
        """Returns the answers of the live dashboard that are stored, by name."""
        asked = {path: self._asked(path) for path in POLLED}
        return {f"restful__{path.strip('/').replace('/', '__')}": body for path, body in asked.items() if body}


class Upload:
    """What of a session is stored, and where."""

    def __init__(self, bucket: Bucket, session: Session, receiver: Receiver, pod: dict[str, str]):
        self._bucket, self._session, self._receiver = bucket, session, receiver
        names = [pod["NAMESPACE"], pod["OWNER"], pod["CLUSTER"]]
        self._marker = f"cluster-metadata/rayjob/{'_'.join(names)}/{session.name}"
        self._history = f"cluster-history/rayjob/{'/'.join(names)}/{session.name}"
        self._is_head = pod["ROLE"] == "head"
        self._stored = set()

    def while_it_lives(self):
        """Stores event files that get no more events, and the dashboard's answers."""
        old = time.time_ns() - (ROTATION_SECONDS + 1) * 1_000_000_000
        self._events(created_before=old)
        self.answers()

    def answers(self):
        """Stores the dashboard's answers. They come first: from then on the session is found."""
        if self._is_head:
            for name, body in self._session.answers().items():
                self._bucket.put(f"{self._history}/fetched_endpoints/{name}", body)

    def at_its_end(self):
        """Stores all that is left: events are refused from now on."""
        self._receiver.close()
        if self._is_head:
            self._bucket.put(self._marker, b"")
        self._events(created_before=time.time_ns())
        logs = Path("/tmp/ray") / self._session.name / "logs"  # noqa: S108  Ray's own folder
        for file in sorted(logs.rglob("*")):
            if file.is_file() and not file.is_symlink():
                self._put(f"logs/{file.relative_to(logs)}", file.read_bytes())

    def _events(self, created_before: int):
        for file in list(self._receiver.files):
            if file.created < created_before and file.created not in self._stored:
                self._put(file.name(self._session.node), file.content())
                self._stored.add(file.created)

    def _put(self, name: str, body: bytes):
        self._bucket.put(f"{self._history}/{self._session.node}/{name}", body)


def main():
    """Collects until the pod is asked to end."""
    pod = dict(os.environ)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    bucket = Bucket(pod["STORE"], "ray", pod["STORE_KEY"], pod["STORE_SECRET"])
    with Receiver(PORT) as receiver:
        session = Session(f"http://{pod['HEAD']}:8265")
        upload = Upload(bucket, session, receiver, pod)
        with contextlib.suppress(OSError):  # As below.
            upload.answers()
        session.wait_for_node(pod["POD_IP"])
        print(f"{session.name} node {session.node}", flush=True)
        while not ended.is_set():
            with contextlib.suppress(OSError):  # The store may be away; what was not stored is tried again.
                upload.while_it_lives()
            ended.wait(5)
        upload.at_its_end()
        print("stored", flush=True)


if __name__ == "__main__":
    main()
