"""The objects that a collector stored of one node, read without the product's own code."""

import gzip
import hashlib
import json
import struct
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
        """Returns the folder of the session; one that does not exist if nothing was stored."""
        found = list(self.bucket.glob(f"cluster-history/raycluster/*/*/{self.session}"))
        assert len(found) < 2, found
        return found[0] if found else self.bucket / self.session

    @property
    def prefix(self) -> Path:
        return self.session_prefix / self.node

    @property
    def manifest(self) -> dict:
        (file,) = self.prefix.glob("ray-history/*/manifest.json")
        return json.loads(file.read_text())

    def event_files(self) -> list[Path]:
        """Returns the files of events; KubeRay's collector compresses them only if it is told to."""
        found = [*self.prefix.glob("job_events/*/*.jsonl*"), *self.prefix.glob("node_events/*.jsonl*")]
        # A store in a folder writes an object under another name first.
        return sorted(file for file in found if not file.name.startswith("."))

    def events(self) -> list[dict]:
        contents = [(file, file.read_bytes()) for file in self.event_files()]
        texts = [gzip.decompress(content) if file.suffix == ".gz" else content for file, content in contents]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    def digest(self, files: list[Path]) -> str:
        """Returns the digest of a set of objects, as the manifest's format has it."""
        total = 0
        for file in files:
            text = f"{file.relative_to(self.prefix)}\n{file.stat().st_size}\n"
            total += int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
        return f"{total % MODULUS:032x}"

    def names_at_end(self) -> dict[str, str]:
        """Returns the last names of logs that are stored under others, because Ray moved them; by a manifest alone."""
        manifests = [json.loads(file.read_text()) for file in self.prefix.glob("ray-history/*/manifest.json")]
        return {stored: end for manifest in manifests for stored, end in manifest["logs"]["ended"].items()}

    def log_pieces(self) -> dict[str, list[tuple[int, bytes]]]:
        """Returns the offsets and bytes of what is stored of each log, in its own object or in segments."""
        folder = self.prefix / "logs"
        found = {
            str(file.relative_to(folder)): [(0, file.read_bytes())] for file in folder.rglob("*") if file.is_file()
        }
        for file in self.prefix.glob("ray-history/*/logs-*.seg"):
            for path, at, content in pieces(file.read_bytes()):
                found.setdefault(path, []).append((at, content))
        return found

    def logs(self) -> dict[str, int]:
        """Returns the bytes that are stored of each log, in its own object or in segments."""
        return {path: max(at + len(content) for at, content in found) for path, found in self.log_pieces().items()}

    def endpoints(self) -> dict[str, bytes]:
        folder = self.session_prefix / "fetched_endpoints"
        return {file.name.removeprefix("restful__").replace("__", "/"): file.read_bytes() for file in folder.iterdir()}


def pieces(segment: bytes) -> list[tuple[str, int, bytes]]:
    """Returns the path, the offset and the bytes of each piece in a segment of logs."""
    at, size, _, end = struct.unpack("<QII8s", segment[-24:])
    assert end == b"RHLSEND1"
    rows = json.loads(gzip.decompress(segment[at : at + size]))
    frames = [gzip.decompress(segment[row["frame"] : row["frame"] + row["size"]]) for row in rows]
    return [(row["path"], row["at"], frame) for row, frame in zip(rows, frames, strict=True)]
