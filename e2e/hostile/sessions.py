"""Makes sessions that try to take more than there is: memory, threads, depth, time. For `hard`.

    python -m e2e.hostile.sessions FOLDER [CASE ...]

Each case is a session of a cluster of that name in namespace `ns`, in the layout of KubeRay's v1.7 collector. Together
they take a gigabyte and two minutes, and are made once.
"""

import argparse
import base64
import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

SESSION = "session_2026-11-22_23-11-33_821800_1"
NODE = "f" * 56
HOUR = "2026-11-22-23"
FIRST_NAME = 1795389253661714944
JOB = "AQAAAA=="
AT = "2026-11-22T23:12:24.820532344Z"
MADE = "made"
"""A file of this name says that all cases were made."""


class Session:
    """Writes what a collector would have stored of one session."""

    def __init__(self, root: Path, case: str):
        self._base = root / "cluster-history" / "raycluster" / "ns" / case / SESSION
        self._names = itertools.count(FIRST_NAME)
        self._write(root / "cluster-metadata" / "raycluster" / f"ns_{case}" / SESSION, b"")

    def events(self, records: Iterable[dict | bytes], level: int = 1):
        """An event file of these records, packed."""
        path = self._event_file(".gz")
        with gzip.open(path, "wb", level) as file:
            for record in records:
                file.write(record if isinstance(record, bytes) else json.dumps(record).encode())
                file.write(b"\n")

    def packed(self, body: bytes):
        """An event file of these bytes, which should be gzip."""
        self._event_file(".gz").write_bytes(body)

    def plain(self, body: bytes):
        """An event file that is not packed."""
        self._event_file("").write_bytes(body)

    def log(self, name: str, body: bytes):
        self._write(self._base / NODE / "logs" / name, body)

    def endpoint(self, name: str, body: bytes):
        self._write(self._base / "fetched_endpoints" / name, body)

    def _event_file(self, packing: str) -> Path:
        path = self._base / NODE / "job_events" / "01000000" / f"{NODE}-{HOUR}-{next(self._names)}.jsonl{packing}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @staticmethod
    def _write(path: Path, body: bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def identity(number: int, length: int, end: bytes = b"") -> str:
    """An id of Ray's, as events have it."""
    return base64.b64encode(number.to_bytes(8, "big") + b"\1" * (length - 8 - len(end)) + end).decode()


def task(number: int) -> str:
    return identity(number, 24, b"\1\0\0\0")


def actor(number: int) -> str:
    return identity(number, 16, b"\1\0\0\0")


def event(kind: str, body: dict, at: str = AT) -> dict:
    """An export event; its body has the name that its type gives it."""
    first, *rest = kind.lower().split("_")
    name = first + "".join(word.title() for word in rest)
    head = {"eventId": "AAAA", "message": "", "nodeId": "", "sessionName": SESSION, "severity": "INFO"}
    return {**head, "sourceType": "CORE_WORKER", "timestamp": at, "eventType": kind, name: body}


def definition(number: int, name: str = "f", attempt: int = 0, **more) -> dict:
    body = {"jobId": JOB, "language": "PYTHON", "taskAttempt": attempt, "taskId": task(number), "taskName": name}
    function = {"pythonFunctionDescriptor": {"functionName": name[:100], "moduleName": "m"}}
    return event("TASK_DEFINITION_EVENT", {**body, "taskType": "NORMAL_TASK", "taskFunc": function, **more})


def lifecycle(number: int, transitions=(("FINISHED", AT),), attempt: int = 0, **more) -> dict:
    states = [{"state": state, "timestamp": at} for state, at in transitions]
    body = {"jobId": JOB, "taskAttempt": attempt, "taskId": task(number), "stateTransitions": states}
    return event("TASK_LIFECYCLE_EVENT", {**body, **more})


def both(numbers: Iterable[int], **more) -> Iterable[dict]:
    """Tasks that were defined and finished."""
    for number in numbers:
        yield from (definition(number, **more), lifecycle(number))


def profile(number: int, spans: list[dict]) -> dict:
    events = {"componentType": "worker", "componentId": "", "events": spans}
    body = {"taskId": task(number), "jobId": JOB, "profileEvents": events}
    return {**event("TASK_PROFILE_EVENT", {}), "taskProfileEvents": body}


def group(number: int, bundles: list[dict]) -> dict:
    body = {"placementGroupId": identity(number, 18, b"\1\0\0\0"), "bundles": bundles}
    return event("PLACEMENT_GROUP_DEFINITION_EVENT", body)


def node(number: int, **more) -> dict:
    return event("NODE_DEFINITION_EVENT", {"nodeId": identity(number, 28), "nodeIpAddress": "10.0.0.1", **more})


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def repeated(block: bytes, size: int, before: bytes = b"") -> bytes:
    """Gzip of a block again and again, up to this size."""
    block = block * max(1, (1 << 20) // len(block))
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(before), *(packer.compress(block) for _ in range(size // len(block))), packer.flush()]
    return b"".join(pieces)


GOOD = [definition(1), lifecycle(1)]
GIB = 1 << 30


def bomb(block: bytes, before: bytes = b"") -> Callable[[Session], None]:
    """A file of a megabyte that unpacks to a gigabyte, and a good one."""

    def write(session: Session):
        session.packed(repeated(block, GIB, before))
        session.events(GOOD)

    return write


def many_bombs(session: Session):
    body = repeated(b"[", 256 << 20)
    for _ in range(40):
        session.packed(body)
    session.events(GOOD)


def odd_gzip(session: Session):
    """Packed twice; a hundred thousand empty members; something else behind the end."""
    good = "".join(json.dumps(record) + "\n" for record in GOOD).encode()
    session.packed(gzip.compress(gzip.compress(good)))
    session.packed(gzip.compress(good) + gzip.compress(b"") * 100_000)
    session.packed(gzip.compress(good) + b"something else")
    session.plain(b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n") + b"\0\n\xff\xfe\n" + good.decode().encode("utf-16"))


def depth(session: Session):
    """JSON that is nested millions deep, in records, in texts that are read later, and in stored answers."""
    deep = nested(200_000)
    around = b'{"taskDefinitionEvent":' + b'{"a":' * 3_000_000 + b"1" + b"}" * 3_000_001
    session.events([*GOOD, around, nested(7_000_000), b'{"eventType":"PLATFORM_EVENT","platformEvent":' + deep + b"}"])
    text = '{"env_vars":' + deep.decode() + "}"
    session.events([definition(2, serializedRuntimeEnv=text), profile(2, [{"eventName": "x", "extraData": text}])])
    for name in ("serve__applications", "v0__cluster_metadata", "train__v2__runs__v1", "data__datasets__01000000"):
        session.endpoint(f"restful__api__{name}", deep)
    session.endpoint("restful__timezone", deep)


def long_texts(session: Session):
    """Names and errors of fifteen megabytes; and errors that make an answer of 380 MB."""
    for number in range(1, 9):
        error = {"errorMessage": "e" * 15_000_000, "errorType": "WORKER_DIED"}
        session.events([definition(number, "x" * 15_000_000), lifecycle(number, rayErrorInfo=error)])
    error = {"errorMessage": "e" * 200_000, "errorType": "WORKER_DIED"}
    failed = [("FAILED", AT)]
    session.events(
        record for n in range(10, 1900) for record in (definition(n), lifecycle(n, failed, rayErrorInfo=error))
    )


def moments(session: Session):
    """Times at the ends of the representable range, and beyond."""
    odd = ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "-9999-01-01T00:00:00Z"]
    odd += ["1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775808Z"]
    odd += ["+292277026596-12-04T15:30:07Z", "2016-12-31T23:59:60Z", "2026-11-22T25:00:00Z", "2026-11-22", "NaN", ""]
    odd += ["9223372036854775807", "-9223372036854775808", "18446744073709551615", "1e308"]
    for number, (first, last) in enumerate(zip(odd, reversed(odd), strict=True), 1):
        span = {"eventName": "task:execute", "startTime": first, "endTime": last, "extraData": "{}"}
        states = [("PENDING_ARGS_AVAIL", first), ("RUNNING", last), ("FINISHED", AT)]
        created = [{"state": "CREATED", "timestamp": first}, {"state": "FINISHED", "timestamp": last}]
        alive = [{"state": "ALIVE", "timestamp": first}, {"state": "DEAD", "timestamp": last}]
        session.events(
            [
                {**definition(number), "timestamp": first},
                lifecycle(number, states),
                profile(number, [span]),
                event("DRIVER_JOB_LIFECYCLE_EVENT", {"jobId": JOB, "stateTransitions": created}),
                event("ACTOR_LIFECYCLE_EVENT", {"actorId": actor(number), "stateTransitions": alive}),
                node(number, startTimestamp=first),
                event("NODE_LIFECYCLE_EVENT", {"nodeId": identity(number, 28), "stateTransitions": alive}),
            ]
        )


def attempts(session: Session):
    """A hundred thousand attempts of one task, a hundred thousand states of another, and numbers that are none."""
    session.events(r for n in range(100_000) for r in (definition(1, attempt=n), lifecycle(1, attempt=n)))
    session.events([definition(2), lifecycle(2, [(f"S{n}", AT) for n in range(100_000)])])
    session.events(definition(3, attempt=n) for n in (2**31 - 1, 2**31, 2**32 - 1, 2**32, -1, 2**63, 10**30))


def actors(session: Session):
    bodies = ({"actorId": actor(n), "className": f"A{n}", "jobId": JOB, "name": ""} for n in range(1, 1_000_001))
    session.events(event("ACTOR_DEFINITION_EVENT", body) for body in bodies)


def wide(session: Session):
    """Nodes, actors and tasks of thousands of resources and labels each."""
    resources = {f"R{n}": 1 for n in range(4000)}
    states = [{"state": "ALIVE", "timestamp": AT, "resources": resources}]
    for number in range(1, 1000):
        alive = event("NODE_LIFECYCLE_EVENT", {"nodeId": identity(number, 28), "stateTransitions": states})
        body = {"actorId": actor(number), "className": "A", "jobId": JOB, "requiredResources": resources}
        session.events([node(number, labels=resources), alive, event("ACTOR_DEFINITION_EVENT", body)])
    session.events(both([1], requiredResources={f"R{n}": 1 for n in range(300_000)}))


def lineage(session: Session):
    """A chain of two hundred thousand parents, whose ends meet."""
    last = 200_000
    session.events(
        r
        for n in range(1, last + 1)
        for r in (definition(n, parentTaskId=task(n - 1 if n > 1 else last)), lifecycle(n))
    )


def bundles(session: Session):
    """Groups of many bundles, one of them of a hundred thousand that were placed."""
    session.events(group(n, [{"resources": {"CPU": 1}}] * 50) for n in range(2, 20_001))
    on = base64.b64encode(bytes.fromhex(NODE)).decode()
    placed = [{"bundleIndex": n, "nodeId": on} for n in range(100_000)]
    state = {"state": "CREATED", "timestamp": AT, "bundlePlacements": placed}
    body = {"placementGroupId": identity(1, 18, b"\1\0\0\0"), "stateTransitions": [state]}
    one = group(1, [{"bundleIndex": n, "resources": {"CPU": 1}} for n in range(100_000)])
    session.events([one, event("PLACEMENT_GROUP_LIFECYCLE_EVENT", body)])


def environments(session: Session):
    """Runtime environments of many tasks, and of a log that says that each was made."""
    text = json.dumps({"env_vars": {"A": "x" * 5000}})
    session.events(r for n in range(1, 9001) for r in both([n], serializedRuntimeEnv=text.replace("A", f"A{n}", 1)))
    line = '2026-11-22 23:12:17,924\tINFO agent.py:5 -- Creating runtime env: {"a": %d} with timeout 600 seconds.\n'
    session.log("runtime_env_agent.log", "".join(line % n for n in range(300_000)).encode())


def jobs(session: Session):
    """A hundred thousand jobs of one submission, and an agent's log of jobs that it never started."""
    config = {"metadata": {"job_submission_id": "same"}}
    numbers = (base64.b64encode(n.to_bytes(4, "little")).decode() for n in range(1, 100_001))
    session.events(event("DRIVER_JOB_DEFINITION_EVENT", {"jobId": job, "config": config}) for job in numbers)
    asked = "2026-11-22 23:12:%02d,%03d\tINFO job_agent.py:1 -- Starting job with submission_id: s%d\n"
    failed = (
        "2026-11-23 23:12:%02d,%03d\tERROR job_manager.py:1 -- Job supervisor actor failed to start within 900.0 s\n"
    )
    times = [(n // 1000 % 60, n % 1000) for n in range(40_000)]
    lines = [asked % (*at, n) for n, at in enumerate(times)] + [failed % at for at in times]
    session.log("dashboard_agent.log", "".join(lines).encode())


def log_facts(session: Session):
    session.events(GOOD)
    for number in range(2000):
        session.log(f"job-driver-sub{number}.log", b"x\n" * 10)
    said = (
        '{"asctime":"2026-11-22 23:12:24,820","levelname":"INFO","message":"Submitting job with submission_id: s%d"}\n'
    )
    session.log("dashboard.log", "".join(said % n for n in range(200_000)).encode())
    row = {"timestamp": 1795389190, "severity": "INFO", "label": "x", "message": "m", "custom_fields": {}}
    rows = "".join(json.dumps({"event_id": str(n), **row, "source_type": "GCS"}) + "\n" for n in range(300_000))
    session.log("events/event_GCS.log", rows.encode())
    for number in range(50):
        deep = (
            b'{"event_id":"1","source_type":"EXPORT_TRAIN_RUN","timestamp":1,"event_data":' + nested(100_000) + b"}\n"
        )
        session.log(f"export_events/event_EXPORT_TRAIN_STATE_{number}.log", deep + b"{}" * 100)


def endpoints(session: Session):
    """Twenty stored answers of ten megabytes, and a hundred thousand empty ones."""
    session.events(GOOD)
    for number in range(20):
        session.endpoint(f"restful__api__data__datasets__{number:08x}", b'{"datasets":[' + b"1," * 5_000_000 + b"1]}")
    for number in range(100_000):
        session.endpoint(f"restful__api__x__{number:08x}", b"{}")


def tiny_files(session: Session):
    for number in range(50_000):
        session.plain(json.dumps(definition(number % 100)).encode())


CASES: dict[str, Callable[[Session], None]] = {
    "bomb-zeros": bomb(b"\0"),
    "bomb-spaces": bomb(b" "),
    "bomb-newlines": bomb(b"\n"),
    "bomb-brackets": bomb(b"["),
    "bomb-braces": bomb(b"{"),
    "bomb-records": bomb(b"{}\n"),
    "bomb-array": bomb(b"{},", b"["),
    "bomb-text": bomb(b"\\", b'{"a":"'),
    "many-bombs": many_bombs,
    "odd-gzip": odd_gzip,
    "depth": depth,
    "long-texts": long_texts,
    "moments": moments,
    "attempts": attempts,
    "actors": actors,
    "functions": lambda session: session.events(
        r for n in range(1, 500_001) for r in both([n], name=f"fn_{n}_{'x' * 40}")
    ),
    "types": lambda session: session.events({"eventType": f"TYPE_{n}_{'x' * 300}"} for n in range(1_000_000)),
    "foreign": lambda session: session.events({**definition(n), "sessionName": f"other_{n}"} for n in range(300_000)),
    "spans": lambda session: session.events(
        profile(1, [{"eventName": f"e{m}-{n}", "startTime": "1", "endTime": "2"} for n in range(1000)])
        for m in range(1000)
    ),
    "platform": lambda session: session.events(event("PLATFORM_EVENT", {"a": "p" * 1000}) for _ in range(200_000)),
    "nodes": lambda session: session.events(node(n) for n in range(1, 100_001)),
    "wide": wide,
    "lineage": lineage,
    "bundles": bundles,
    "environments": environments,
    "jobs": jobs,
    "log-facts": log_facts,
    "endpoints": endpoints,
    "tiny-files": tiny_files,
}


def make(root: Path, cases: Iterable[str] = ()) -> Path:
    """Makes these sessions, or all of them unless they were made before; returns the folder."""
    cases = list(cases)
    if not cases and (root / MADE).exists():
        return root
    for case in cases or CASES:
        print(f"making {case}", flush=True)
        CASES[case](Session(root, case))
    if not cases:
        (root / MADE).touch()
    return root


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES])
    options = parser.parse_args()
    make(options.folder, options.cases)
