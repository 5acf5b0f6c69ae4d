"""The base of the small servers of `e2e.hostile`: answers, a folder as objects, listings of keys, and ranged reads.

A subclass adds the protocol of a store, or the API of Kubernetes, and what is odd about it.
"""

import hashlib
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

PAGE = 3
"""Entries of a page of a listing: few, so that a small folder has many pages."""
MODIFIED = "Mon, 23 Nov 2026 00:00:00 GMT"
HTML = b"<html><body>Log in, please</body></html>"
"""A page of a login or a proxy, in the place of an answer."""


def objects_of(folder: Path) -> dict[str, bytes]:
    """Returns the files of a folder by the keys that a bucket would have for them."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tag(body: bytes) -> str:
    """Returns the entity tag of an object, without quotes."""
    return hashlib.sha256(body).hexdigest()


def entries(objects: Iterable[str], prefix: str, delimiter: str, after: str) -> list[tuple[str, str]]:
    """Returns the entries of a listing behind a key, in order, as pairs: the delimiter or nothing, and a key."""
    found = {}
    for key in sorted(key for key in objects if key.startswith(prefix)):
        below, slash, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        item = (slash, prefix + below + slash if slash else key)
        if item[1] > after:
            found[item] = None
    return list(found)


class Answering(BaseHTTPRequestHandler):
    """Answers in HTTP/1.1; a subclass reads requests."""

    protocol_version = "HTTP/1.1"
    # A head and a body are two packets: without this, a client that answers late to the first delays the second.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.respond()

    def do_HEAD(self):
        self.respond()

    def respond(self):
        """Answers a request; the body of the answer to a HEAD is left out."""
        raise NotImplementedError

    def do_POST(self):
        self.write()

    def do_PATCH(self):
        self.write()

    def do_DELETE(self):
        self.write()

    def write(self):
        """Answers a request to change something, which most of the servers do not know."""
        self.send_error(501)

    def answer(self, status: int, body: bytes, **headers: str):
        """Sends a whole answer; names of headers have `_` for `-`."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunked(self, pieces: Iterable[bytes], **headers: str):
        """Sends an answer without its length; an endless one is sent until the client leaves."""
        self.send_response(200)
        for name, value in {"Transfer_Encoding": "chunked", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            for piece in filter(None, pieces):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")


class ObjectHandler(Answering):
    """Serves objects; a subclass reads paths and writes listings."""

    objects: dict[str, bytes]

    def described(self, body: bytes) -> dict[str, str]:
        """Returns the headers that describe an object."""
        return {"ETag": f'"{tag(body)}"', "Last_Modified": MODIFIED}

    def wanted(self, size: int) -> tuple[int, int] | None:
        """Returns the range of bytes that is requested, its end excluded; None for the whole object."""
        if not (text := self.headers.get("x-ms-range") or self.headers.get("Range")):
            return None
        first, _, last = text.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, size - int(last))
        return start, min(int(last) + 1 if first and last else size, size)
