"""A small server that speaks Google's protocols over a folder, and lies in one way at a time: listings come by gRPC
(`google.storage.v2`), reads by HTTP.

`none` behaves well. Listings: `circle` gives two tokens in turn, `repeats` the same page with new tokens, `empty` empty
pages with new tokens, `invented` pages of new keys without an end, `back` its last page first, `outside` keys outside
the prefix, `cut` a message that ends within a field, `html` a page of somebody else, `sizes` negative sizes and fields
of other types, `nothing` messages without any field, `huge` a page of 200 MB, `busy` says RESOURCE_EXHAUSTED for ever.
Reads: `whole` answers every range with all bytes and status 200, `untold` with 206 and no `Content-Range`, `short` ends
bodies early, `longer` sends more than was asked for, `gunzip` unpacks on the way, `changes` has another generation and
other bytes for each request, `page` answers with HTML, `wait` with 429 and a time that nobody lives to see.
"""

import gzip
import itertools
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc

from e2e.harness.loopback import Loopback
from e2e.harness.object_server import HTML, PAGE, ObjectHandler, entries, objects_of

GENERATION = 7


@contextmanager
def serve(folder: Path, lie: str):
    """The settings of a store over a folder."""
    state = {"objects": objects_of(folder), "lie": lie, "numbers": itertools.count(1)}
    listings = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_send_message_length", -1)])
    lister = Lister(**state)
    methods = {"ListObjects": grpc.unary_unary_rpc_method_handler(lister.list)}
    listings.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("google.storage.v2.Storage", methods)])
    port = listings.add_insecure_port("127.0.0.1:0")
    listings.start()
    try:
        with Loopback(type("Handler", (Handler,), state)) as reads:
            address = "http://127.0.0.1:{}"
            endpoints = {"endpoint": address.format(reads.port), "listingEndpoint": address.format(port)}
            yield {"gcs": {"bucket": "ray", "anonymous": True, **endpoints}}
    finally:
        listings.stop(None)


def varint(number: int) -> bytes:
    """A number as Protocol Buffers write it."""
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def text(tag: int, value: bytes) -> bytes:
    """A field of bytes."""
    return varint(tag << 3 | 2) + varint(len(value)) + value


def fields(message: bytes) -> dict[int, bytes]:
    """The fields of a request, the last of each tag."""
    found, at = {}, 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            value, shift, at = value | (message[at] & 0x7F) << shift, shift + 7, at + 1
            if not message[at - 1] & 0x80:
                return value

    while at < len(message):
        tag = number()
        length = number()
        if tag & 7 == 2:
            found[tag >> 3], at = message[at : at + length], at + length
    return found


class Lister:
    """Answers listings."""

    def __init__(self, objects, lie, numbers):
        self.objects, self.lie, self.numbers = objects, lie, numbers

    def entry(self, key: str, size: int) -> bytes:
        """An object."""
        if self.lie == "sizes":
            # A negative size, a generation that is no number, and a time outside the calendar.
            time = varint(1 << 3) + varint(2**62) + varint(2 << 3) + varint(-5)
            return text(1, text(1, key.encode()) + varint(6 << 3) + varint(-1) + text(17, time))
        return text(1, text(1, key.encode()) + varint(3 << 3) + varint(GENERATION) + varint(6 << 3) + varint(size))

    def list(self, message: bytes, context) -> bytes:
        """A page."""
        asked = fields(message)
        prefix, delimiter, after = (asked.get(tag, b"").decode() for tag in (6, 4, 3))
        number = next(self.numbers)
        if self.lie == "busy":
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "later")
        if self.lie == "huge":
            return self.entry("x" * 1_000, 1) * 200_000
        simple = {"html": HTML, "nothing": b"", "empty": text(3, str(number).encode())}
        if self.lie in simple:
            return simple[self.lie]
        if self.lie == "invented":
            page = (self.entry(f"{prefix}n_c{number}x{at}/x", 1) for at in range(1000))
            return b"".join(page) + text(3, str(number).encode())
        return self._page(prefix, delimiter, after, number)

    def _page(self, prefix, delimiter, page, number):
        after = "" if self.lie in ("circle", "repeats", "back") else page
        found = entries(self.objects, prefix, delimiter, after)
        if self.lie == "back" and not page:
            given, following = [("", f"{prefix}zzz")], "go on"
        else:
            given = found[:PAGE]
            following = given[-1][1] if found[PAGE:] else ""
        if self.lie == "circle":
            following = "B" if page == "A" else "A"
        elif self.lie == "repeats":
            following = str(number)
        elif self.lie == "outside":
            given = [("", "zzz/../../etc/passwd"), ("", "../x"), ("", "/"), ("", "")]
        sizes = ((slash, key, len(self.objects.get(key, b""))) for slash, key in given)
        listed = (text(2, key.encode()) if slash else self.entry(key, size) for slash, key, size in sizes)
        whole = b"".join(listed) + (text(3, following.encode()) if following else b"")
        return whole[: len(whole) * 2 // 3 - 1] if self.lie == "cut" else whole


class Handler(ObjectHandler):
    """Answers reads."""

    lie: str
    numbers: itertools.count

    def respond(self):
        key = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path.partition("/o/")[2])
        if key not in self.objects:
            return self.answer(404, b"No such object")
        if self.lie == "page":
            return self.answer(200, HTML, Content_Type="text/html")
        if self.lie == "wait":
            return self.answer(429, b"later", Retry_After="99999999")
        body, generation = self.objects[key], GENERATION
        if self.lie == "gunzip" and key.endswith(".gz"):
            body = gzip.decompress(body)
        if self.lie == "changes":
            generation = GENERATION + next(self.numbers)
            body = bytes(reversed(body))
        headers = {"X_Goog_Generation": str(generation), "X_Goog_Stored_Content_Length": str(len(self.objects[key]))}
        return self._part(body, headers)

    def _part(self, body, headers):
        start, end, status = 0, len(body), 200
        if self.lie != "whole" and (wanted := self.wanted(len(body))):
            start, end = wanted
            if start >= len(body):
                return self.answer(416, b"Requested range not satisfiable")
            if self.lie == "longer":
                end = len(body)
            status, place = 206, f"bytes {start}-{end - 1}/{len(body)}"
            headers |= {} if self.lie == "untold" else {"Content_Range": place}
        elif self.lie == "untold":
            status = 206
        part = body[start:end]
        if self.lie == "short":
            self.close_connection = True
            headers["Content_Length"], part = str(len(part)), part[: len(part) // 2]
        return self.answer(status, part, **headers)
