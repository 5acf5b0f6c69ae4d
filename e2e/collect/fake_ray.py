"""A folder as a Ray node has it, without Ray: logs, a raylet's socket, an agent that counts what it posts."""

import base64
import json
import socket
import urllib.request
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from e2e.harness.loopback import Loopback

SESSION = "session_2026-11-23_07-10-07_600839_1"
NODE = "ab" * 28
TIME = "2026-11-23T07:10:08.600839Z"


class FakeRay:
    """A node; a context manager. The raylet ends with the block, or at `end`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._session = folder / SESSION
        self._posted = 0

    def __enter__(self):
        for path in ("logs/old", "sockets"):
            (self._session / path).mkdir(parents=True)
        (self.folder / "session_latest").symlink_to(SESSION)
        self._raylet = socket.socket(socket.AF_UNIX)
        self._raylet.bind(str(self._session / "sockets" / "raylet"))
        self._raylet.listen()
        self._agent = Loopback(self._pages())
        self._agent.__enter__()
        (self._session / f"metrics_export_port_{NODE}").write_text(str(self._agent.port))
        return self

    def __exit__(self, *_):
        self._agent.__exit__()
        self.end()

    def end(self):
        """Ends the raylet; its agent would be gone, too, but may be asked once more."""
        self._raylet.close()

    def log(self, path: str, text: str):
        with (self._session / "logs" / path).open("a") as file:
            file.write(text)

    def post(self, address: str, count: int) -> int:
        """Posts a batch of task events, which have the next numbers; returns the status."""
        numbers = range(self._posted, self._posted + count)
        events = [self._event(number) for number in numbers]
        request = urllib.request.Request(address, json.dumps(events).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            if answer.status == 200:
                self._posted += count
            return answer.status

    def _event(self, number: int) -> dict:
        common = {"eventId": f"{number:08}", "timestamp": TIME, "severity": "INFO", "sessionName": SESSION}
        if number == 0:
            node = {"nodeId": encoded(NODE), "nodeIpAddress": "127.0.0.1", "startTimestamp": TIME, "labels": {}}
            return {**common, "eventType": "NODE_DEFINITION_EVENT", "sourceType": "GCS", "nodeDefinitionEvent": node}
        task = {
            "taskId": encoded(f"{number:040x}01000000"),
            "taskAttempt": 0,
            "jobId": encoded("01000000"),
            "nodeId": encoded(NODE),
            "stateTransitions": [{"state": "FINISHED", "timestamp": TIME}],
        }
        kind = {"eventType": "TASK_LIFECYCLE_EVENT", "sourceType": "CORE_WORKER"}
        return {**common, **kind, "taskLifecycleEvent": task}

    def _pages(self):
        ray = self

        class Page(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                labels = 'pid="812"'
                text = f"ray_aggregator_agent_events_received_total{{{labels}}} {ray._posted}\n"
                labels += ',consumer="http_service"'
                text += f"ray_aggregator_agent_published_events_total{{{labels}}} {ray._posted}\n"
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        return Page


def encoded(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
