"""A small Kubernetes API server that knows one `RayHistory` and one `RayCluster`, and lies in one way at a time.

`none` behaves well. What the list of RayClusters may be: `huge` has a page of 100 MB, `endless` one that never ends,
`drops` closes the connection after a byte, `html` is a login page, `circle` gives two tokens in turn,
`invented` empty pages without an end, `many` pages of new clusters without an end, `odd` objects without names and with
other types in every field, `busy` answers 429 and `later` 503 with a time of years.
What their watch may be: `garbage` gives lines that are no JSON, `line` one line without an end, `gone` answers 410,
`gone-event` says so in an event, `bookmarks` have no version, `unversioned` objects have none, `ends` is over at once,
`flood` adds new clusters without an end.
`settings` changes the RayHistory to extreme values without an end, `leases` has ten thousand Leases that lie, and takes
a renewal with a login page.
"""

import itertools
import json
import threading
import time
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from e2e.harness.loopback import Loopback
from e2e.harness.object_server import HTML, Answering

NAMESPACE = "team"
JSON = {"Content_Type": "application/json"}
CREATED = "2026-11-22T00:00:00Z"
EXTREMES = [
    {"cache": {"maxSessions": 2**63 - 1, "maxMemory": "9" * 400, "ttl": "9999999999999h"}},
    {"cache": {"maxSessions": -(2**63), "maxMemory": "-1Ei", "ttl": "-1s"}},
    {"cache": {"maxMemory": "8Ei", "ttl": "1000000h"}, "loading": {"timeout": "1000000h", "requestTimeout": "0s"}},
    {"loading": {"maxConcurrent": 2**62, "timeout": "1e308s"}, "clusters": {"namespaces": ["x" * 100_000] * 10}},
    {"cache": [[]], "loading": "x" * 1_000_000, "prewarm": {"enabled": 1e308}},
]


@dataclass
class Plane:
    """The API server, for a test: its kubeconfig, and the requests and writes so far."""

    kubeconfig: Path
    requests: list = field(default_factory=list)
    status: dict = field(default_factory=dict)
    leases: dict = field(default_factory=dict)

    def condition(self, kind: str) -> dict:
        """Returns a condition of the RayHistory's status."""
        return next((each for each in self.status.get("conditions", []) if each["type"] == kind), {})


@contextmanager
def serve(bucket: Path, folder: Path, lie: str):
    """Runs an API server whose RayHistory names a folder."""
    plane = Plane(folder / "kubeconfig")
    spec = {"storage": {"local": {"path": str(bucket)}}}
    state = {"plane": plane, "lie": lie, "spec": spec, "numbers": itertools.count(1), "over": threading.Event()}
    with Loopback(type("Handler", (Handler,), state)) as server:
        cluster = {"name": "it", "cluster": {"server": f"http://127.0.0.1:{server.port}"}}
        context = {"name": "it", "context": {"cluster": "it", "user": "it", "namespace": NAMESPACE}}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "it", "users": [{"name": "it", "user": {}}]}
        plane.kubeconfig.write_text(json.dumps({**config, "clusters": [cluster], "contexts": [context]}))
        try:
            yield plane
        finally:
            state["over"].set()


def cluster(name: str, **fields) -> dict:
    """Returns a RayCluster."""
    metadata = {"namespace": NAMESPACE, "name": name, "uid": f"uid-{name}", "resourceVersion": "7"}
    metadata["creationTimestamp"] = CREATED
    return {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": metadata, "spec": {}, **fields}


ODD = [
    {},
    {"metadata": {}},
    {"metadata": {"name": "x"}, "spec": [], "status": 1},
    {"metadata": {"name": "n" * 1_000_000, "namespace": NAMESPACE, "uid": "u"}},
    cluster("a", spec={"suspend": "yes"}, status={"state": [], "head": {"podName": {}, "podIP": 7}}),
    cluster("b", spec=[0] * 3_000_000, status={"state": "s" * 1_000_000}),
    cluster("d", metadata={"name": "d", "namespace": NAMESPACE, "uid": "u", "creationTimestamp": "9999-12-30"}),
    cluster("e", metadata={"name": 5, "namespace": [], "uid": {}, "labels": {"a": 1}, "ownerReferences": "x"}),
]


class Handler(Answering):
    """Answers lists, watches and writes."""

    plane: Plane
    lie: str
    spec: dict
    numbers: itertools.count
    over: threading.Event

    def respond(self):
        self.plane.requests.append((time.monotonic(), self.path))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        kind = url.path.rpartition("/")[2]
        answer = self._watch if query.get("watch") == "true" else self._list
        try:
            answer(kind, query)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def write(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.plane.requests.append((time.monotonic(), self.path))
        given = json.loads(body or b"{}")
        if "/rayhistories/" in self.path and "conditions" in (given.get("status") or {}):
            self.plane.status = given["status"]
        if "/leases/" in self.path and self.command == "PATCH":
            version = {"namespace": NAMESPACE, "resourceVersion": str(next(self.numbers))}
            given["metadata"] |= version
            self.plane.leases[given["metadata"]["name"]] = given
            if self.lie == "leases":
                return self.answer(200, HTML, **JSON)
        return self._json(given)

    def _json(self, value, status=200, **headers):
        self.answer(status, json.dumps(value, separators=(",", ":")).encode(), **JSON, **headers)

    def _stream(self, pieces):
        self.chunked(itertools.takewhile(lambda _: not self.over.is_set(), pieces))

    def _history(self, number=1, **spec):
        metadata = {"namespace": NAMESPACE, "name": "main", "uid": "1", "resourceVersion": str(number)}
        metadata["generation"] = number
        kind = {"apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory"}
        status = {"replicas": [], "cache": {"sessions": 2**63 - 1, "bytes": 2**63 - 1, "maxMemory": 2**63 - 1}}
        status["replicas"] = [{"name": name, "ready": True, "cache": status["cache"]} for name in "ab"]
        return {**kind, "metadata": metadata, "spec": {**self.spec, **spec}, "status": status}

    def _list(self, kind, query):
        if kind == "rayhistories":
            return self._items([self._history()])
        if kind == "leases":
            lies = [self._lease(number) for number in range(10_000 if self.lie == "leases" else 0)]
            return self._items([*lies, *self.plane.leases.values()])
        if kind != "rayclusters":
            return self._items([])
        if (lying := getattr(self, f"_list_{self.lie}", None)) is not None:
            return lying(query)
        return self._items([cluster("c")])

    def _items(self, items, more="", status=200):
        self._json({"kind": "List", "metadata": {"resourceVersion": "7", "continue": more}, "items": items}, status)

    def _list_huge(self, _):
        self._many_items(100)

    def _list_endless(self, _):
        self._many_items(None)

    def _many_items(self, megabytes):
        items = b",".join([json.dumps(cluster("c", spec={"x": "y" * 1_000})).encode()] * 1_000)
        counted = itertools.repeat(b"," + items) if megabytes is None else itertools.repeat(b"," + items, megabytes)
        self._stream(itertools.chain([b'{"metadata":{"resourceVersion":"7"},"items":[', items], counted, [b"]}"]))

    def _list_drops(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"{")
        self.close_connection = True

    def _list_html(self, _):
        self.answer(200, HTML, **JSON)

    def _list_circle(self, query):
        self._items([cluster("c")], "B" if query.get("continue") == "A" else "A")

    def _list_invented(self, _):
        self._items([], str(next(self.numbers)))

    def _list_many(self, query):
        number = next(self.numbers)
        self._items([cluster(f"c{number}x{at}") for at in range(int(query["limit"]))], str(number))

    def _list_odd(self, _):
        self._items([*ODD, cluster("c")])

    def _list_busy(self, _):
        self._json({"kind": "Status", "message": "later " * 100_000, "code": 429}, 429, Retry_After="1")

    def _list_later(self, _):
        self._json({"kind": "Status", "message": "later", "code": 503}, 503, Retry_After="99999999")

    def _watch(self, kind, _):
        lying = getattr(self, f"_watch_{self.lie.replace('-', '_')}", None)
        about = {"settings": "rayhistories"}.get(self.lie, "rayclusters")
        if kind == about and lying is not None:
            lying()
        else:
            self._stream(self._renewals() if kind == "leases" else self._silence())

    def _silence(self):
        while not self.over.wait(3600):
            yield b"\n"

    def _renewals(self):
        sent = {}
        while not self.over.wait(0.2):
            for name, lease in list(self.plane.leases.items()):
                if sent.get(name) != lease["metadata"]["resourceVersion"]:
                    sent[name] = lease["metadata"]["resourceVersion"]
                    yield json.dumps({"type": "MODIFIED", "object": lease}).encode() + b"\n"

    def _events(self, type_, objects):
        self._stream(json.dumps({"type": type_, "object": each}).encode() + b"\n" for each in objects)

    def _watch_garbage(self):
        self._stream(itertools.repeat(b'{"type": nothing\n' * 1_000))

    def _watch_line(self):
        self._stream(itertools.repeat(b"x" * 65_536))

    def _watch_gone(self):
        self._json({"kind": "Status", "status": "Failure", "message": "too old", "code": 410}, 410)

    def _watch_gone_event(self):
        self._events("ERROR", [{"kind": "Status", "status": "Failure", "message": "too old", "code": 410}])

    def _watch_bookmarks(self):
        self._events("BOOKMARK", itertools.repeat({"kind": "RayCluster", "metadata": {}}))

    def _watch_unversioned(self):
        metadata = {"name": "c", "namespace": NAMESPACE, "uid": "1"}
        self._events("ADDED", itertools.repeat(cluster("c", metadata=metadata)))

    def _watch_ends(self):
        self._events("ADDED", [])

    def _watch_flood(self):
        self._events("ADDED", (cluster(f"c{number}") for number in self.numbers))

    def _watch_settings(self):
        self.over.wait(3)
        objects = (self._history(number + 1, **EXTREMES[number % len(EXTREMES)]) for number in self.numbers)
        self._events("MODIFIED", objects)

    @staticmethod
    def _lease(number):
        times = [CREATED, "9999-12-30T00:00:00.000000Z", "0001-01-01T00:00:00.000000Z", None]
        holder = "h" * 100_000 if number % 1_000 == 0 else f"z{number}"
        spec = {"holderIdentity": holder, "renewTime": times[number % 4], "leaseDurationSeconds": -(2**31)}
        metadata = {"name": f"lease-{number}", "namespace": NAMESPACE, "resourceVersion": "7"}
        return {"metadata": metadata, "spec": spec}
