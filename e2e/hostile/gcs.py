"""A small server that speaks Google's JSON API over a folder, and lies in one way at a time.

`none` behaves well. Listings: `circle` gives two tokens in turn, with new keys each time, `repeats` the same page with
new tokens, `empty` empty pages with new tokens, `invented` pages of new keys without an end, `back` its last page
first, `outside` keys outside the prefix, `cut` a page that ends inside its JSON, `html` a page of somebody else,
`nothing` an object without any field, `error` an error with status 200, `sizes` negative sizes, `generations` that are
no numbers, `unsized` and `nameless` objects without a size or a name, `huge` a page of 200 MB, `crowd` one of 16 MB of
the shortest prefixes, `busy` says rateLimitExceeded for ever, `redirect` sends everybody elsewhere.
Reads: `whole` answers every range with all bytes and status 200, `untold` with 206 and no `Content-Range`, `elsewhere`
with as many bytes from another place, and says so, `short` ends bodies early, `longer` sends more than was asked for,
`gunzip` unpacks on the way and keeps silent, `transcoded` does so and says it as Google does, `changes` has another
generation and other bytes for each request, `page` answers with HTML, `wait` with 429 and a time that nobody lives to
see.
"""

import gzip
import itertools
import json
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.loopback import Loopback
from e2e.harness.object_server import HTML, PAGE, ObjectHandler, entries, objects_of

GENERATION = 7
UPDATED = "2026-11-23T00:00:00.000Z"


@dataclass
class Store:
    """The server as a test sees it."""

    document: dict
    handler: type

    def lies(self, lie: str):
        """From now on it lies so."""
        self.handler.lie = lie


@contextmanager
def serve(folder: Path, lie: str):
    """A store over a folder."""
    state = {"objects": objects_of(folder), "lie": lie, "numbers": itertools.count(1)}
    handler = type("Handler", (Handler,), state)
    with Loopback(handler) as server:
        endpoint = f"http://127.0.0.1:{server.port}"
        yield Store({"gcs": {"bucket": "ray", "anonymous": True, "endpoint": endpoint}}, handler)


def refusal(code: int, reason: str) -> bytes:
    """An error as Google writes it."""
    message = {"domain": "global", "reason": reason, "message": reason}
    return json.dumps({"error": {"code": code, "message": reason, "errors": [message]}}).encode()


class Handler(ObjectHandler):
    """Answers listings and reads of one bucket."""

    lie: str
    numbers: itertools.count

    def respond(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        number = next(self.numbers)
        if self.lie == "redirect":
            return self.answer(307, b"", Location="http://127.0.0.1:1" + self.path)
        if url.path == "/storage/v1/b/ray/o":
            return self._list(query, number)
        # One part of a path: its slashes are escaped.
        bucket, _, name = url.path.partition("/o/")
        key = urllib.parse.unquote(name)
        if bucket != "/storage/v1/b/ray" or "/" in name or key not in self.objects:
            return self.answer(404, b"No such object: ray/" + key.encode())
        if query.get("alt") != "media":
            return self._json(self.item(key))
        return self._read(key, number)

    def _json(self, document):
        return self.answer(200, json.dumps(document).encode(), Content_Type="application/json; charset=UTF-8")

    def item(self, key: str) -> dict:
        """The metadata of an object."""
        size = str(len(self.objects.get(key, b"")))
        item = {"name": key, "size": size, "generation": str(GENERATION), "updated": UPDATED}
        odd = {"sizes": {"size": "-1"}, "generations": {"generation": "seven"}, "unsized": {"size": None}}
        return item | odd.get(self.lie, {}) | ({"name": None} if self.lie == "nameless" else {})

    def _list(self, query, number):
        prefix, delimiter, page = (query.get(name, "") for name in ("prefix", "delimiter", "pageToken"))
        if self.lie == "busy":
            return self.answer(429, refusal(429, "rateLimitExceeded"))
        if self.lie == "html":
            return self.answer(200, HTML, Content_Type="text/html")
        if self.lie == "huge":
            item = json.dumps(self.item("x" * 1000)).encode() + b", "
            return self.chunked(itertools.chain([b'{"items": ['], itertools.repeat(item * 100, 2000)))
        simple = {
            "nothing": {},
            "error": json.loads(refusal(503, "backendError")),
            "empty": {"kind": "storage#objects", "nextPageToken": str(number)},
            "crowd": {"prefixes": ["a"] * 3_000_000},
        }
        if self.lie in simple:
            return self._json(simple[self.lie])
        if self.lie in ("invented", "circle"):
            circles = self.lie == "circle"
            # Those that circle grow, so that nothing but the token is wrong.
            first = f"{prefix}n_c{number:09}" if circles else f"{prefix}n_c{number}"
            items = [self.item(f"{first}x{at}/x") for at in range(1000)]
            following = ("B" if page == "A" else "A") if circles else str(number)
            return self._json({"kind": "storage#objects", "items": items, "nextPageToken": following})
        return self._page(prefix, delimiter, page, number)

    def _page(self, prefix, delimiter, after, number):
        found = entries(self.objects, prefix, delimiter, "" if self.lie in ("repeats", "back") else after)
        if self.lie == "back" and not after:
            given, following = [("", f"{prefix}zzz")], "go on"
        else:
            given = found[:PAGE]
            following = given[-1][1] if found[PAGE:] else ""
        if self.lie == "repeats":
            following = str(number)
        elif self.lie == "outside":
            given = [("", "zzz/../../etc/passwd"), ("", "../x"), ("", "/")]
        page = {"kind": "storage#objects"}
        if items := [self.item(key) for slash, key in given if not slash]:
            page["items"] = items
        if prefixes := [key for slash, key in given if slash]:
            page["prefixes"] = prefixes
        if following:
            page["nextPageToken"] = following
        whole = json.dumps(page).encode()
        return self.answer(200, whole[: len(whole) * 2 // 3] if self.lie == "cut" else whole)

    def _read(self, key, number):
        if self.lie == "page":
            return self.answer(200, HTML, Content_Type="text/html")
        if self.lie == "wait":
            return self.answer(429, refusal(429, "rateLimitExceeded"), Retry_After="99999999")
        body, generation = self.objects[key], GENERATION
        headers = {"X_Goog_Stored_Content_Length": str(len(body))}
        if key.endswith(".gz") and self.lie in ("gunzip", "transcoded"):
            body = gzip.decompress(body)
        if self.lie == "transcoded" and key.endswith(".gz"):
            # Without a length, and whatever range was asked for.
            said = {"X_Goog_Stored_Content_Encoding": "gzip", "Warning": "214 UploadServer gunzipped"}
            return self.chunked([body], X_Goog_Generation=str(generation), **headers, **said)
        if self.lie == "changes":
            generation = GENERATION + number
            body = bytes(reversed(body))
        return self._part(body, headers | {"X_Goog_Generation": str(generation)})

    def _part(self, body, headers):
        start, end, status = 0, len(body), 200
        if self.lie != "whole" and (wanted := self.wanted(len(body))):
            start, end = wanted
            if start >= len(body):
                return self.answer(416, b"Requested range not satisfiable")
            if self.lie == "longer":
                start, end = start // 2, len(body)
            elif self.lie == "elsewhere" and start:
                start, end = start - 1, end - 1
            status, place = 206, f"bytes {start}-{end - 1}/{len(body)}"
            headers |= {} if self.lie == "untold" else {"Content_Range": place}
        elif self.lie == "untold":
            status = 206
        part = body[start:end]
        if self.lie == "short":
            self.close_connection = True
            headers["Content_Length"], part = str(len(part)), part[: len(part) // 2]
        return self.answer(status, part, **headers)
