"""Free ports, and HTTP servers of tests on loopback ports."""

import random
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Loopback:
    """A context manager; `port` is known before it serves."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0):
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def free_ports(count: int) -> list[int]:
    """Returns ports below the range from which the kernel takes those of clients."""
    found = []
    while len(found) < count:
        port = random.randrange(20000, 32000)  # noqa: S311  no secret depends on it
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
