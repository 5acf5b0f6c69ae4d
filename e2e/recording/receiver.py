"""Takes the events that Ray's nodes post, one address for each node, and stores them as KubeRay's collector does."""

import base64
import gzip
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from e2e.harness.loopback import Loopback

ROTATION_SECONDS = 30
# Payloads in which the collector looks for a job id; all other events are filed as events of the node.
OF_A_JOB = (
    "driverJobDefinitionEvent",
    "driverJobLifecycleEvent",
    "taskDefinitionEvent",
    "taskLifecycleEvent",
    "taskProfileEvents",
    "actorTaskDefinitionEvent",
    "actorDefinitionEvent",
)
# Characters that Go escapes in JSON and Python does not.
ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass
class EventFile:
    """Events that end up in one object."""

    folder: str
    """The folder below the node's: node_events, or job_events and the job's id."""
    created: int
    """The time of its first event, in nanoseconds since the epoch."""
    events: list[dict] = field(default_factory=list)

    def name(self, node: str) -> str:
        hour = time.strftime("%Y-%m-%d-%H", time.localtime(self.created / 1e9))
        return f"{self.folder}/{node}-{hour}-{self.created}.jsonl.gz"

    def content(self) -> bytes:
        return gzip.compress("".join(f"{as_go_writes(event)}\n" for event in self.events).encode(), mtime=0)


class Receiver(Loopback):
    """The receiver of one node's events; a context manager."""

    def __init__(self, port: int = 0):
        self.files: list[EventFile] = []
        self._open: dict[str, EventFile] = {}
        self._lock = threading.Lock()
        self._closed = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Answers POSTs of arrays of events."""

            protocol_version = "HTTP/1.1"

            def do_POST(self):
                events = json.loads(self.rfile.read(int(self.headers["Content-Length"])), parse_float=number)
                self.send_response(200 if receiver.take(events) else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Logs nothing: events are counted at the end."""

        super().__init__(Handler, port)
        self.address = f"http://127.0.0.1:{self.port}/v1/events"

    def take(self, events: list[dict]) -> bool:
        """Files events; returns False once the receiver was closed."""
        with self._lock:
            if not self._closed:
                for event in events:
                    self._file(folder_of(event)).events.append(event)
            return not self._closed

    def close(self):
        """Refuses events from now on, as a collector that has ended."""
        with self._lock:
            self._closed = True

    def _file(self, folder: str) -> EventFile:
        now = time.time_ns()
        file = self._open.get(folder)
        if file is None or now - file.created > ROTATION_SECONDS * 1_000_000_000:
            file = self._open[folder] = EventFile(folder, now)
            self.files.append(file)
        return file


def folder_of(event: dict) -> str:
    if not event["eventType"].startswith("NODE_"):
        for payload in OF_A_JOB:
            if job := event.get(payload, {}).get("jobId"):
                return f"job_events/{base64.b64decode(job).hex()}"
    return "node_events"


def number(text: str) -> int | float:
    """Returns a number as Go writes it: a whole one without a fraction."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def as_go_writes(event: dict) -> str:
    text = json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for character, escape in ESCAPED.items():
        text = text.replace(character, escape)
    return text
