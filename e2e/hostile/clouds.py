"""A small server that speaks Azure's and OSS's protocols over a folder, and lies in one way at a time.

`none` behaves well. `circle` gives two tokens in turn, `invented` pages of new keys without an end, `cut` pages that
end inside their XML, `endless` one page that never ends. `error` answers with status 200 and an error's document,
`html` with a login page, `redirect` sends every request elsewhere. `short` ends bodies before their length,
`longer` sends more than that, and `other` other bytes for each request. `denied` refuses everything after some
requests, until `allowed` is set.
"""

import itertools
import os
import threading
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from e2e.harness.loopback import Loopback
from e2e.harness.object_server import HTML, MODIFIED, PAGE, Answering, ObjectHandler, entries, objects_of

ENTRY = "metadir/c{}_n/session_2026-11-22_23-11-33_821800_1"
ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"


@dataclass
class Cloud:
    """The server, for a test: settings, requests from redirects, and a switch."""

    document: dict
    strangers: list = field(default_factory=list)
    allowed: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve(folder: Path, cloud: str, lie: str):
    """Serves a folder in one cloud's protocol."""
    served = Cloud({})
    stranger = type("Stranger", (Stranger,), {"strangers": served.strangers})
    state = {"objects": objects_of(folder), "lie": lie, "numbers": itertools.count(), "cloud": served}
    with Loopback(stranger) as elsewhere, Loopback(type("Handler", (DIALECTS[cloud],), state)) as server:
        server_address = f"http://127.0.0.1:{server.port}"
        DIALECTS[cloud].elsewhere = f"http://127.0.0.1:{elsewhere.port}"
        served.document |= DIALECTS[cloud].document(server_address)
        yield served


class Stranger(Answering):
    """The target of redirects, which no request should reach."""

    strangers: list

    def respond(self):
        self.strangers.append(self.path)
        self.send_error(404)


class Handler(ObjectHandler):
    """The base of both protocols."""

    lie: str
    numbers: itertools.count
    cloud: Cloud
    elsewhere: str

    def respond(self):
        url = urllib.parse.urlsplit(self.path)
        number = next(self.numbers)
        if self.lie == "redirect":
            return self.answer(307, b"", Location=self.elsewhere + self.path)
        if self.lie == "denied" and number > 12 and not self.cloud.allowed.is_set():
            return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        key = urllib.parse.unquote(url.path).lstrip("/").split("/", self.depth)[self.depth :]
        if key and key[0]:
            return self._read(key[0])
        return self._list(dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True)))

    def _list(self, query):
        prefix, delimiter, page = query.get("prefix", ""), query.get("delimiter", ""), query.get(self.token, "")
        if self.lie == "error":
            return self.answer(200, ERROR, Content_Type="application/xml")
        if self.lie == "html":
            return self.answer(200, HTML, Content_Type="text/html")
        if self.lie == "endless":
            return self._endless()
        after = "" if self.lie == "circle" else page
        found = entries(self.objects, prefix, delimiter, after)
        given, more = found[:PAGE], found[PAGE:]
        following = given[-1][1] if more else ""
        if self.lie == "circle":
            following = "B" if page == "A" else "A"
        elif self.lie == "invented":
            number = next(self.numbers)
            given, following = [("", prefix + f"c{number}x{at}_n/x") for at in range(1000)], str(number)
        whole = self.page(given, following).encode()
        return self.answer(200, whole[: len(whole) * 2 // 3] if self.lie == "cut" else whole)

    def _endless(self):
        first = self.page([("", ENTRY.format(at)) for at in range(1000)], "")
        beginning, entry = first[: first.index(self.last)], self.entry("", ENTRY.format(1)) * 1000
        self.chunked(itertools.chain([beginning.encode()], itertools.repeat(entry.encode())))

    def _read(self, key):
        if key not in self.objects:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        body = self.objects[key]
        if self.lie == "other" and body:
            body = os.urandom(len(body))
        headers = self.described(body)
        start, end, status = 0, len(body), 200
        if wanted := self.wanted(len(body)):
            start, end = wanted
            if start >= len(body):
                return self.answer(416, b"<Error><Code>InvalidRange</Code></Error>")
            status, headers["Content_Range"] = 206, f"bytes {start}-{end - 1}/{len(body)}"
        part = body[start:end]
        if self.lie == "short":
            self.close_connection = True
            headers["Content_Length"] = str(len(part))
            part = part[: len(part) // 2]
        elif self.lie == "longer":
            self.close_connection = True
            headers["Content_Length"], part = str(len(part)), part + b"{}\n" * 1000
        return self.answer(status, part, **headers)


class Azure(Handler):
    """Blobs below `/account/container`."""

    depth, token, last = 2, "marker", "</Blobs>"

    @staticmethod
    def document(address):
        return {"azure": {"container": "ray", "account": "acct", "endpoint": f"{address}/acct", "anonymous": True}}

    def page(self, given, following):
        blobs = "".join(self.entry(slash, key) for slash, key in given)
        return (
            f"<?xml version='1.0' encoding='utf-8'?><EnumerationResults><Blobs>{blobs}</Blobs>"
            f"<NextMarker>{escape(following)}</NextMarker></EnumerationResults>"
        )

    def entry(self, slash, key):
        if slash:
            return f"<BlobPrefix><Name>{escape(key)}</Name></BlobPrefix>"
        size = len(self.objects.get(key, b""))
        return (
            f"<Blob><Name>{escape(key)}</Name><Properties><Content-Length>{size}</Content-Length>"
            f"<Last-Modified>{MODIFIED}</Last-Modified></Properties></Blob>"
        )


class Oss(Handler):
    """Objects below `/bucket`."""

    depth, token, last = 1, "continuation-token", "</ListBucketResult>"

    @staticmethod
    def document(address):
        where = {"endpoint": address, "region": "cn-hangzhou", "addressing": "Path"}
        return {"oss": {"bucket": "ray", "anonymous": True, **where}}

    def page(self, given, following):
        more = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>" if following else ""
        return (
            f"<?xml version='1.0'?><ListBucketResult><IsTruncated>{'true' if following else 'false'}</IsTruncated>"
            f"{more}{''.join(self.entry(slash, key) for slash, key in given)}</ListBucketResult>"
        )

    def entry(self, slash, key):
        if slash:
            return f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
        return f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects.get(key, b''))}</Size></Contents>"


DIALECTS = {"azure": Azure, "oss": Oss}
