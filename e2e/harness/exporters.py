"""Sessions as exporters of fewer event types would have recorded them."""

import gzip
import json
import shutil
from pathlib import Path

OPERATOR = frozenset(
    {
        "TASK_DEFINITION_EVENT",
        "TASK_LIFECYCLE_EVENT",
        "TASK_PROFILE_EVENT",
        "ACTOR_TASK_DEFINITION_EVENT",
        "DRIVER_JOB_DEFINITION_EVENT",
        "DRIVER_JOB_LIFECYCLE_EVENT",
        "ACTOR_DEFINITION_EVENT",
        "ACTOR_LIFECYCLE_EVENT",
        "NODE_DEFINITION_EVENT",
        "NODE_LIFECYCLE_EVENT",
    }
)
"""The ten types that KubeRay's operator exports by default."""

RAY = OPERATOR - {"TASK_PROFILE_EVENT"} | {"WORKER_DEFINITION_EVENT", "WORKER_LIFECYCLE_EVENT"}
"""Ray's own default list."""

NOTHING = frozenset()
"""Without exports no event file is stored at all."""

EXPORTERS = {"operator": OPERATOR, "ray": RAY, "nothing": NOTHING}


def filtered(storage: Path, into: Path, keeps: frozenset) -> Path:
    """Copies a bucket, with events of these types only; a file that is left without any is not stored."""
    for source in storage.rglob("*"):
        if not source.is_file():
            continue
        target = into / source.relative_to(storage)
        if not {"node_events", "job_events"} & set(source.parts):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        elif kept := _kept(source.read_bytes(), keeps):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(kept)
    return into


def _kept(stored: bytes, keeps: frozenset) -> bytes:
    packed = stored[:2] == b"\x1f\x8b"
    lines = (gzip.decompress(stored) if packed else stored).splitlines(keepends=True)
    kept = b"".join(line for line in lines if line.strip() and json.loads(line).get("eventType") in keeps)
    return gzip.compress(kept, mtime=0) if packed and kept else kept
