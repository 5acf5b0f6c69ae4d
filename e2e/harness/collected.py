"""Manifests of `ray-history collect` for a recorded session, as if it had collected it."""

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

FORMAT = "ray-history/manifest/1"


def below(bucket: Path, path: str) -> Path:
    """Returns the folder of a session, by its path below a server."""
    _, namespace, cluster, session = path.split("/")
    (folder,) = bucket.glob(f"cluster-history/*/{namespace}/**/{cluster}/{session}")
    return folder


def digest(folder: Path, files: list[Path]) -> str:
    """Returns the digest of a node's files: a sum of hashes of their names and sizes."""
    hashes = (hashlib.sha256(f"{file.relative_to(folder)}\n{file.stat().st_size}\n".encode()) for file in files)
    return f"{sum(int.from_bytes(each.digest()[:16], 'little') for each in hashes) % 2**128:032x}"


def records(file: Path) -> int:
    """Returns the number of events in an event file."""
    text = file.read_bytes()
    if text.startswith(b"\x1f\x8b"):
        text = gzip.decompress(text)
    return sum(1 for line in text.splitlines() if line.strip())


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def manifest(folder: Path, role: str) -> dict:
    """Returns the closed manifest of a node: all that is stored was published, and nothing was dropped."""
    events = sorted(file for kind in ("job_events", "node_events") for file in folder.glob(f"{kind}/**/*.jsonl*"))
    logs = sorted(file for file in folder.glob("logs/**/*") if file.is_file())
    stored = sum(map(records, events))
    counters = {"received": stored, "published": stored, "filtered": 0, "dropped": {}, "quiet": True}
    return {
        "format": FORMAT,
        "spool": "spool",
        "written": now(),
        "flushedTo": "2026-11-22T23:20:00Z",
        "collector": {"version": "0.1.0", "flushSeconds": 10, "logSeconds": 30},
        "state": "closed",
        "reason": "pod ended",
        "identity": {"node": folder.name, "role": role},
        "events": {
            "records": stored,
            "sealed": {"objects": len(events), "records": stored, "digest": digest(folder, events)},
        },
        "ray": [{"pid": 1, "from": "2026-11-22T23:11:40Z", "at": "2026-11-22T23:20:30Z", **counters}],
        "logs": {"files": len(logs), "settled": {"objects": len(logs), "digest": digest(folder, logs)}},
    }


def collect(bucket: Path, path: str, head: str, change=None):
    """Writes a manifest for each node of a session. `change` changes that of the head."""
    for folder in below(bucket, path).iterdir():
        if not folder.is_dir() or folder.name == "fetched_endpoints":
            continue
        written = manifest(folder, "head" if folder.name == head else "worker")
        if folder.name == head and change:
            change(written)
        own = folder / "ray-history" / "spool"
        own.mkdir(parents=True, exist_ok=True)
        (own / "manifest.json").write_text(json.dumps(written))
