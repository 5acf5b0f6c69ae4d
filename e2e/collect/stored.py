"""The objects that a collector stored of one node, read without the product's own code."""

import gzip
import hashlib
import json
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

MODULUS = 1 << 128


@dataclass
class Stored:
    """A node's objects, below its prefix, and its manifest."""

    bucket: Path
    session: str
    node: str

    @property
    def session_prefix(self) -> Path:
        (found,) = self.bucket.glob(f"cluster-history/raycluster/*/*/{self.session}")
        return found

    @property
    def prefix(self) -> Path:
        return self.session_prefix / self.node

    @property
    def manifest(self) -> dict:
        (file,) = self.prefix.glob("ray-history/*/manifest.json")
        return json.loads(file.read_text())

    def event_files(self) -> list[Path]:
        return sorted([*self.prefix.glob("job_events/*/*.jsonl.gz"), *self.prefix.glob("node_events/*.jsonl.gz")])

    def events(self) -> list[dict]:
        lines = [line for file in self.event_files() for line in gzip.decompress(file.read_bytes()).splitlines()]
        return [json.loads(line) for line in lines]

    def digest(self, files: list[Path]) -> str:
        """Returns the digest of a set of objects, as the manifest's format has it."""
        total = 0
        for file in files:
            text = f"{file.relative_to(self.prefix)}\n{file.stat().st_size}\n"
            total += int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
        return f"{total % MODULUS:032x}"

    def logs(self) -> dict[str, int]:
        """Returns the bytes that are stored of each log, in its own object or in segments."""
        folder = self.prefix / "logs"
        found = Counter(
            {str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
        )
        for file in self.prefix.glob("ray-history/*/logs-*.seg"):
            for path, end in pieces(file.read_bytes()):
                found[path] = max(found[path], end)
        return dict(found)

    def endpoints(self) -> dict[str, bytes]:
        folder = self.session_prefix / "fetched_endpoints"
        return {file.name.removeprefix("restful__").replace("__", "/"): file.read_bytes() for file in folder.iterdir()}


def pieces(segment: bytes) -> list[tuple[str, int]]:
    """Returns the path and the end of each piece in a segment of logs."""
    at, size, _, end = struct.unpack("<QII8s", segment[-24:])
    assert end == b"RHLSEND1"
    return [(row["path"], row["at"] + row["len"]) for row in json.loads(gzip.decompress(segment[at : at + size]))]
