"""A small S3 server of one oddity at a time over a folder, for stores that are not Amazon's and proxies before them.

`none` behaves well. `no-token` says that more follows and gives no token. `v1-only` knows nothing of `list-type=2`.
`cut` ends its pages inside their XML, `unsaid` leaves out whether more follows. `pingpong` gives two tokens in turn,
`infinite` the same page with a new token each time, `invented` pages of new keys without an end. `huge` has a page of
230 MB, `endless` one that never ends. `slow` takes a second for each page, `busy` says SlowDown ten times. `archived`
refuses to give event files, `leisurely` takes a quarter of a second for each read. `no-length` sends bodies in chunks,
without a length and whatever range was asked for; `transcode` does so with packed files, unpacked on the way.
`no-ranges` sends whole bodies with their length. `folders` has an empty object for every folder.
"""

import gzip
import itertools
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

from e2e.harness.loopback import Loopback
from e2e.harness.object_server import PAGE, ObjectHandler, entries, objects_of, tag

BUSY = 10
ARCHIVED = b"<Error><Code>InvalidObjectState</Code></Error>"
MISSING = b"<Error><Code>NoSuchKey</Code></Error>"
PAST_THE_END = b"<Error><Code>InvalidRange</Code></Error>"


@contextmanager
def serve(folder: Path, quirk: str, page: int = PAGE):
    """Serves a folder, and yields the settings of the store."""
    objects = objects_of(folder)
    if quirk == "folders":
        objects |= {str(path.relative_to(folder)): b"" for path in folder.rglob("*") if path.is_dir()}
    with serve_objects(objects, quirk, page=page) as settings:
        yield settings


@contextmanager
def serve_objects(objects: dict[str, bytes], quirk: str = "none", reads: list[str] | None = None, page: int = PAGE):
    """Serves objects, and yields the settings of the store; keys are added to `reads` as they are read."""
    state = {"objects": objects, "quirk": quirk, "numbers": itertools.count(), "page": page}
    state["reads"] = [] if reads is None else reads
    handler = type("Handler", (Handler,), state)
    with Loopback(handler) as server:
        yield {
            "S3_BUCKET": "ray",
            "S3_ENDPOINT": f"http://127.0.0.1:{server.port}",
            "S3FORCE_PATH_STYLE": "true",
            "S3_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
        }


class Handler(ObjectHandler):
    """Answers listings and reads of one bucket in path style."""

    quirk: str
    numbers: itertools.count
    reads: list[str]
    page: int

    def respond(self):
        url = urllib.parse.urlsplit(self.path)
        _, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        if key:
            self._read(key)
        elif self.quirk == "busy" and next(self.numbers) < BUSY:
            self.answer(503, b"<Error><Code>SlowDown</Code></Error>")
        elif self.quirk in ("huge", "endless"):
            self._many(2_000 if self.quirk == "huge" else None)
        else:
            time.sleep(1 if self.quirk == "slow" else 0)
            self._list(dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True)))

    def _list(self, query):
        prefix, delimiter, before = (query.get(name, "") for name in ("prefix", "delimiter", "continuation-token"))
        after = urllib.parse.unquote(before.removeprefix("after ")) or query.get("start-after", "")
        if self.quirk in ("v1-only", "infinite", "pingpong"):
            after = query.get("marker", "")
        found = entries(self.objects, prefix, delimiter, after)
        page, more, given = self._following(prefix, before, found)
        self.answer(200, self._page(page, more, given, query.get("encoding-type") == "url"))

    def _following(self, prefix, before, found):
        """Returns a page, True if more follows, and its token."""
        page, more = found[: self.page], len(found) > self.page
        given = f"after {urllib.parse.quote(page[-1][1])}" if page else ""
        if self.quirk == "pingpong":
            more, given = True, "A" if before != "A" else "B"
        elif self.quirk == "infinite" and page:
            more, given = True, str(next(self.numbers))
        elif self.quirk == "invented":
            number = next(self.numbers)
            page = [("", f"{prefix}n_c{number}x{at}/session_2026-11-22_23-11-33_821800_1") for at in range(1000)]
            more, given = True, str(number)
        return page, more, given

    def _page(self, page, more, given, encoded):
        text = (lambda name: urllib.parse.quote(name, safe="/")) if encoded else escape
        out = ["<?xml version='1.0' encoding='UTF-8'?><ListBucketResult>"]
        if encoded:
            out.append("<EncodingType>url</EncodingType>")
        if self.quirk != "unsaid":
            out.append(f"<IsTruncated>{str(more).lower()}</IsTruncated>")
        if more and self.quirk not in ("no-token", "v1-only"):
            out.append(f"<NextContinuationToken>{escape(given)}</NextContinuationToken>")
        out += [self._entry(slash, key, text) for slash, key in page]
        out.append("</ListBucketResult>")
        whole = "".join(out).encode()
        return whole[: len(whole) * 2 // 3] if self.quirk == "cut" else whole

    def _many(self, times):
        """Sends a page with a thousand entries several times, or without an end."""
        thousand = (
            b"<Contents><Key>metadir/a_b/session_2026-11-22_23-11-33_821800_1</Key><Size>1</Size></Contents>" * 1000
        )
        root = b"<ListBucketResult><IsTruncated>false</IsTruncated>"
        pieces = itertools.repeat(thousand) if times is None else itertools.repeat(thousand, times)
        self.chunked(itertools.chain([root], pieces, [b"</ListBucketResult>"]))

    def _entry(self, slash, key, text):
        if slash:
            return f"<CommonPrefixes><Prefix>{text(key)}</Prefix></CommonPrefixes>"
        body = self.objects.get(key, b"")
        return (
            f"<Contents><Key>{text(key)}</Key><ETag>&quot;{tag(body)}&quot;</ETag><Size>{len(body)}</Size></Contents>"
        )

    def _read(self, key):
        self.reads.append(key)
        time.sleep(0.25 if self.quirk == "leisurely" else 0)
        if key not in self.objects or (self.quirk == "archived" and "_events/" in key):
            return self.answer(*((403, ARCHIVED) if key in self.objects else (404, MISSING)))
        body = self.objects[key]
        headers = self.described(body)
        if self.quirk in ("no-length", "transcode"):
            unpacked = self.quirk == "transcode" and key.endswith(".gz")
            return self.chunked([gzip.decompress(body) if unpacked else body], **headers)
        if self.quirk == "no-ranges" or not (wanted := self.wanted(len(body))):
            return self.answer(200, body, **headers)
        start, end = wanted
        if start >= len(body):
            return self.answer(416, PAST_THE_END, Content_Range=f"bytes */{len(body)}")
        place = f"bytes {start}-{end - 1}/{len(body)}"
        return self.answer(206, body[start:end], Content_Range=place, **headers)
