"""A proxy in front of an S3 server that counts requests and bytes, and can take the server away."""

import contextlib
import http.client
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit

from e2e.harness.loopback import Loopback

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
KINDS = (
    ("marker", r"cluster-metadata/"),
    ("manifest", r"ray-history/[^/]+/manifest\.json$"),
    ("segment of logs", r"ray-history/[^/]+/logs-\d+\.seg$"),
    ("quarantine", r"ray-history/[^/]+/quarantine"),
    ("events", r"/(job_events|node_events)/"),
    ("answer", r"/fetched_endpoints/"),
    ("log", r"/logs/"),
)
"""Kinds of objects, by a part of their keys; the first that is found counts."""


@dataclass(frozen=True)
class Request:
    """One request that was answered, or was not."""

    at: float
    operation: str
    kind: str
    up: int
    down: int
    status: int


def operation(method: str, query: str) -> str:
    """Returns the name under which stores bill a request."""
    parameters = parse_qs(query, keep_blank_values=True)
    if "uploads" in parameters or "uploadId" in parameters:
        part = "part" if "partNumber" in parameters else {"POST": "begin or complete", "DELETE": "abort"}.get(method)
        return f"multipart {part}"
    if method == "POST" and "delete" in parameters:
        return "DELETE of many"
    return method


def kind(path: str, query: str) -> str:
    """Returns what a request is for, by the key in its path."""
    _, _, key = unquote(path).lstrip("/").partition("/")
    if not key:
        return "list" if query else "bucket"
    found = (name for name, pattern in KINDS if re.search(pattern, key))
    return "folder" if key.endswith("/") else next(found, "other")


class Proxy(Loopback):
    """A running proxy; a context manager. Signatures hold, because the client's headers are passed on as they are."""

    def __init__(self, server: int):
        self.requests: list[Request] = []
        self.away = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            """Passes on any request."""

            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle(self):
                # A client that was killed, or has given up.
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def pass_on(self):
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, answer = (0, [], b"") if proxy.away.is_set() else ask(server, self, body)
                proxy.requests.append(
                    Request(
                        time.time(),
                        operation(self.command, url.query),
                        kind(url.path, url.query),
                        len(body),
                        len(answer),
                        status,
                    )
                )
                if not status:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                length = dict(headers).get("Content-Length", "0") if self.command == "HEAD" else str(len(answer))
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 (the names that http.server calls)

            def log_message(self, *_):
                """Logs nothing: requests are kept."""

        super().__init__(Handler)


def ask(server: int, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list, bytes]:
    """Returns the answer of the server on a port; 0 if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=60)
    try:
        connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    except (OSError, http.client.HTTPException):
        return 0, [], b""
    finally:
        connection.close()


def counts(requests: list[Request]) -> dict[str, int]:
    """Returns how many requests there were of each operation and kind."""
    counted = Counter(f"{each.operation} {each.kind}" for each in requests)
    return dict(sorted(counted.items()))


def between(requests: list[Request], begin: float, end: float) -> list[Request]:
    return [each for each in requests if begin <= each.at < end]
