"""A receiver between one Ray agent and two collectors, each of which gets all that the agent posts.

The first collector answers Ray: its status is the agent's, so Ray's own rules decide when a batch comes again. The
second has a queue with these rules: one batch in flight, the same pauses, and a ring from which the oldest events fall.
"""

import hashlib
import http.client
import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler

from e2e.harness.loopback import Loopback

BATCH, RING = 1_000, 100_000
TIMEOUT_SECONDS = 3
PAUSES = (0.03, 0.05, 0.09, 0.16, 0.30, 0.64, 1.4, 2.7, 4.8)
"""As measured on Ray 2.60; the last one is repeated."""


class Ring:
    """Events that wait for a collector, of which the oldest are dropped if there are too many."""

    def __init__(self, most: int = RING):
        self._most = most
        self._waiting: deque[bytes] = deque()
        self.dropped = 0

    def add(self, events: list[bytes]):
        self._waiting.extend(events)
        while len(self._waiting) > self._most:
            self._waiting.popleft()
            self.dropped += 1

    def take(self) -> list[bytes]:
        """Returns the next batch, which is out of the ring then."""
        return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    def __len__(self) -> int:
        return len(self._waiting)


class Follower:
    """Sends events to a collector as Ray's agent does, until it is ended."""

    def __init__(self, port: int):
        self._port = port
        self._ring = Ring()
        self._change = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.refused = 0

    @property
    def dropped(self) -> int:
        return self._ring.dropped

    def start(self):
        self._thread.start()

    def add(self, events: list[bytes]):
        with self._change:
            self._ring.add(events)
            self._change.notify()

    def end(self):
        """Sends nothing any more, as an agent that has ended."""
        with self._change:
            self._ended = True
            self._change.notify()
        self._thread.join()

    def _run(self):
        while batch := self._next():
            body = b"[" + b", ".join(batch) + b"]"
            pauses = iter(PAUSES)
            while not self._ended and not accepted(post(self._port, body)):
                self.refused += 1
                self._sleep(next(pauses, PAUSES[-1]))

    def _next(self) -> list[bytes]:
        with self._change:
            while not self._ended and not len(self._ring):
                self._change.wait()
            return [] if self._ended else self._ring.take()

    def _sleep(self, seconds: float):
        end = time.monotonic() + seconds
        while not self._ended and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


class Tee(Loopback):
    """A running tee, in the place of a recording's receiver; a context manager."""

    def __init__(self, first: int, second: int):
        """Takes the ports of the collector that answers Ray, and of the other one."""
        self._first = first
        self.follower = Follower(second)
        self._last = b""
        self._lock = threading.Lock()
        self.posted: dict[str, float] = {}
        """The ids of all events that Ray posted, with the time of their first arrival."""
        self.posted_bytes = 0
        self.refused = 0
        self._closed = False
        tee = self

        class Handler(BaseHTTPRequestHandler):
            """Answers POSTs of arrays of events."""

            protocol_version = "HTTP/1.1"

            def do_POST(self):
                status = tee.take(self.rfile.read(int(self.headers["Content-Length"])))
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Logs nothing: events are counted at the end."""

        super().__init__(Handler)
        self.address = f"http://127.0.0.1:{self.port}/v1/events"

    def __enter__(self):
        self.follower.start()
        return super().__enter__()

    def close(self):
        """Takes nothing any more, as a node that is lost."""
        self._closed = True

    def take(self, body: bytes) -> int:
        """Gives a batch to both; returns the status of the first, 0 if there was none."""
        if self._closed:
            return 0
        with self._lock:
            if (name := hashlib.sha256(body).digest()) != self._last:
                self._last = name
                events = json.loads(body)
                now = time.time()
                for event in events:
                    self.posted.setdefault(event["eventId"], now)
                self.posted_bytes += len(body)
                self.follower.add([json.dumps(event).encode() for event in events])
        status = post(self._first, body)
        self.refused += not accepted(status)
        return status


def accepted(status: int) -> bool:
    return 0 < status < 400


def post(port: int, body: bytes) -> int:
    """Posts a batch to a collector; returns its status, 0 if there was none in Ray's time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
