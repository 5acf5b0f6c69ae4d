"""Runs an image with runc as a pod that Pod Security `restricted` admits.

No root, no capabilities, no new privileges, a read-only root, and the seccomp profile that runtimes use by default.

`python -m e2e.harness.container ARCHIVE` measures the time from start to readiness, for an empty bucket in 64 MiB.
"""

import json
import os
import platform
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.server import Server, status_bytes, wait_until
from e2e.harness.service import get

PROFILE = Path("/usr/share/containers/seccomp.json")
"""The runtimes' default profile, from Debian's golang-github-containers-common."""
MIB = 1 << 20


class Image:
    """An OCI archive: its configuration, and the files of all layers."""

    def __init__(self, archive: Path):
        self.archive = archive
        self._archive = tarfile.open(archive)  # noqa: SIM115  closed with the process
        index = json.load(self._archive.extractfile("index.json"))
        (entry,) = index["manifests"]
        self.name = entry["annotations"]["org.opencontainers.image.ref.name"]
        manifest = self._document(entry["digest"])
        self._layers = [layer["digest"] for layer in manifest["layers"]]
        self.document = self._document(manifest["config"]["digest"])
        self.config = self.document["config"]

    def _blob(self, digest: str):
        return self._archive.extractfile(f"blobs/{digest.replace(':', '/')}")

    def _document(self, digest: str) -> dict:
        return json.load(self._blob(digest))

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(member.size for member in self.members().values())

    def members(self) -> dict[str, tarfile.TarInfo]:
        """Returns all entries by their path."""
        found = {}
        for digest in self._layers:
            with tarfile.open(fileobj=self._blob(digest)) as layer:
                found |= {member.name.removeprefix("./").rstrip("/"): member for member in layer}
        return found

    def unpack(self, into: Path):
        """Unpacks all layers, for the user who runs this."""
        for digest in self._layers:
            with tarfile.open(fileobj=self._blob(digest)) as layer:
                layer.extractall(into, filter="tar")


def seccomp() -> dict:
    """Returns the default profile for a process without capabilities, in the form of the runtime specification."""
    profile = json.loads(PROFILE.read_text())
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    syscalls = []
    for rule in profile["syscalls"]:
        includes = rule["includes"]
        if "caps" in includes or machine not in includes.get("arches", [machine]):
            continue
        kept = {"names": rule["names"], "action": rule["action"], "args": rule["args"] or []}
        if "errnoRet" in rule:
            kept["errnoRet"] = rule["errnoRet"]
        syscalls.append(kept)
    wanted = f"SCMP_ARCH_{'X86_64' if machine == 'amd64' else 'AARCH64'}"
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": [wanted],
        "syscalls": syscalls,
    }


class Container(Server):
    """A container of the image on the network of this machine, which reads a folder; a context manager."""

    def __init__(
        self, image: Image, root: Path, bucket: Path, folder: Path, *flags: str, memory: int = 512 * MIB, **options
    ):
        """`root` has the image's files, unpacked; `folder` is for this container's own."""
        super().__init__(bucket, folder / "log", **options)
        folder.mkdir()
        mount = {"destination": "/bucket", "type": "bind", "source": str(bucket), "options": ["bind", "ro"]}
        document = restricted(image, root, memory, mount)
        document["process"]["args"] += ["--local-dir", "/bucket", "--listen", "127.0.0.1:0", *flags]
        self._prepare(folder, document)

    def _prepare(self, folder: Path, document: dict):
        """Writes the runtime's document into a folder of this container's own, and makes the command that runs it."""
        (folder / "config.json").write_text(json.dumps(document))
        self._name = f"ray-history-{os.getpid()}-{folder.name}"
        self._pid = folder / "pid"
        self._runc = ["runc", "--root", str(folder / "runc")]
        self._command = [*self._runc, "run", "--bundle", str(folder), "--pid-file", str(self._pid), self._name]

    def __enter__(self):
        try:
            return super().__enter__()
        except BaseException:
            self._delete()
            raise

    def __exit__(self, *_):
        try:
            super().__exit__()
        finally:
            self._delete()

    def _delete(self):
        """Ends what is left of the container: runc, if it had to be killed, leaves the program running."""
        processes.run([*self._runc, "delete", "--force", self._name])

    def memory(self, name: str) -> int:
        """Bytes of a row of its status in /proc, of the program and not of runc."""
        return status_bytes(int(self._pid.read_text()), name)


class CollectorContainer(Container):
    """A collector on the loopback addresses of this machine, with an empty folder for its spool as a pod gives it.

    All its settings are variables; without any more than the ports it knows neither a cluster nor a store.
    """

    def __init__(self, image: Image, root: Path, folder: Path, memory: int = 64 * MIB):
        Server.__init__(self, folder, folder / "log", started="the spool is (open)")
        folder.mkdir()
        events, control = (f"127.0.0.1:{port}" for port in free_ports(2))
        self.events, self._control = f"http://{events}/v1/events", f"http://{control}"
        options = ["nosuid", "nodev", "noexec", "mode=0777", "size=16m"]
        spool = {"destination": "/var/spool/ray-history", "type": "tmpfs", "source": "tmpfs", "options": options}
        document = restricted(image, root, memory, spool)
        ports = [f"EVENTS_PORT={events.rpartition(':')[2]}", f"RAY_HISTORY_COLLECT_CONTROL_LISTEN={control}"]
        document["process"]["env"] += ports
        self._prepare(folder, document)

    def _wait_for_address(self) -> str:
        super()._wait_for_address()
        return self._control


def restricted(image: Image, root: Path, memory: int, mount: dict) -> dict:
    """Returns the runtime's document for a container as restricted as Pod Security asks."""
    with tempfile.TemporaryDirectory() as scratch:
        processes.run(["runc", "spec"], cwd=scratch)
        document = json.loads(Path(scratch, "config.json").read_text())
    user, _, group = image.config["User"].partition(":")
    document["root"] = {"path": str(root), "readonly": True}
    document["process"] |= {
        "terminal": False,
        "user": {"uid": int(user), "gid": int(group)},
        "args": [*image.config["Entrypoint"], *image.config.get("Cmd", [])],
        "env": image.config.get("Env", []).copy(),
        "capabilities": {},
        "noNewPrivileges": True,
        "rlimits": [],
    }
    document["mounts"].append(mount)
    linux = document["linux"]
    linux["namespaces"] = [each for each in linux["namespaces"] if each["type"] != "network"]
    linux["resources"]["memory"] = {"limit": memory}
    linux["seccomp"] = seccomp()
    return document


def main() -> int:
    """Prints the size of the archive and the time to readiness."""
    processes.alone()
    archive = Path(sys.argv[1])
    image = Image(archive)
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)  # the container's user must get in
        root, bucket = Path(scratch, "root"), Path(scratch, "bucket")
        root.mkdir()
        bucket.mkdir()
        image.unpack(root)
        print(f"{archive.stat().st_size / 1e6:.1f} MB, {image.size / 1e6:.1f} MB unpacked")
        for turn in range(3):
            begin = time.monotonic()
            with Container(image, root, bucket, Path(scratch, str(turn)), memory=64 * MIB) as container:
                wait_until(lambda: get(f"{container.url}/readyz")[0] == 200, 10)
                print(f"ready in {time.monotonic() - begin:.2f} s, {container.memory('VmRSS') / MIB:.0f} MiB resident")
    return 0


if __name__ == "__main__":
    sys.exit(main())
