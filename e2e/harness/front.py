"""A small reverse proxy that strips a prefix off every path, as an Ingress does, before a server that may change."""

import http.client
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from e2e.harness.loopback import Loopback

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}
"""Headers that are not passed on. Bodies are not compressed, so that they can be changed."""


class Front(Loopback):
    """A running proxy; a context manager. `url` ends with the prefix."""

    def __init__(self, server: str, prefix: str, change: Callable[[bytes], bytes] = bytes):
        """`change` is applied to every body."""
        self.server = server
        """The URL of the server that is asked."""
        self.without = 0
        """The status of answers while no server answers; without one, the connection is closed."""
        self.asked = []
        """The paths of all requests."""
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if not self.path.startswith(f"{prefix}/"):
                    self.send_error(404)
                    return
                front.asked.append(self.path)
                connection = http.client.HTTPConnection(urlsplit(front.server).netloc, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
                try:
                    connection.request(self.command, self.path.removeprefix(prefix), headers=headers)
                    answer = connection.getresponse()
                    body = change(answer.read())
                except ConnectionError:
                    self.close_connection = True
                    if front.without:
                        self.send_error(front.without)
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                connection.close()

            do_HEAD = do_GET  # noqa: N815 (the name that http.server calls)

            def log_message(self, *_):
                """Logs nothing: the browser reports errors."""

        super().__init__(Handler)
        self.url = f"http://127.0.0.1:{self.port}{prefix}"
