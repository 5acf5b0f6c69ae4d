#!/usr/bin/env python3
"""Packs folders into a container image, without a builder or a registry: an OCI layout, as `ctr` imports it.

usage: oci.py layer FOLDER LAYER.tar
       oci.py image NAME:TAG OUT.tar CONFIG LAYER.tar...      CONFIG: the image's `config`, as JSON
"""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

MEDIA = "application/vnd.oci.image"
PLATFORM = {"architecture": "amd64", "os": "linux"}


def plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leaves out what differs from build to build, and device files, which are the runtime's."""
    info.mtime = 0
    info.uname = info.gname = ""
    return None if info.isdev() else info


def pack(folder: Path, out: Path):
    """Writes a folder as a layer."""
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as tar:
        for entry in sorted(folder.iterdir()):
            tar.add(entry, entry.name, filter=plain)


def digest(file: Path) -> str:
    """Returns the digest of a file."""
    with file.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"


def described(kind: str, data: bytes) -> dict:
    """Returns the descriptor of a document."""
    return {
        "mediaType": f"{MEDIA}.{kind}.v1+json",
        "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "size": len(data),
    }


def image(name: str, out: Path, config: dict, layers: list[Path]):
    """Writes an image of layers."""
    digests = [digest(layer) for layer in layers]
    settings = json.dumps({**PLATFORM, "config": config, "rootfs": {"type": "layers", "diff_ids": digests}}).encode()
    listed = [
        {"mediaType": f"{MEDIA}.layer.v1.tar", "digest": each, "size": layer.stat().st_size}
        for each, layer in zip(digests, layers, strict=True)
    ]
    manifest = {"schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json"}
    manifest = json.dumps(manifest | {"config": described("config", settings), "layers": listed}).encode()
    entry = described("manifest", manifest) | {"platform": PLATFORM}
    entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as tar:

        def add(path: str, data: bytes):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        add("index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
        for data in (settings, manifest):
            add(f"blobs/sha256/{hashlib.sha256(data).hexdigest()}", data)
        for each, layer in zip(digests, layers, strict=True):
            tar.add(layer, f"blobs/{each.replace(':', '/')}", filter=plain)


def main() -> int:
    """Does what the arguments say."""
    match sys.argv[1:]:
        case ["layer", folder, out]:
            pack(Path(folder), Path(out))
        case ["image", name, out, config, *layers] if layers:
            image(name, Path(out), json.loads(config), [Path(layer) for layer in layers])
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
