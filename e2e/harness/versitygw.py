"""versitygw, an S3 server with folders as its buckets, which can be away for a while and come back."""

import os
from collections.abc import Iterable
from pathlib import Path

from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import wait_until
from e2e.harness.service import get

BUCKET, KEY, SECRET = "ray", "testkey", "testsecret"
PROGRAM = Path(os.environ.get("RAY_HISTORY_STORAGE_SERVERS", REPOSITORY / ".cache" / "servers")) / "versitygw"
START_SECONDS = 30


def variables(port: int, bucket: str = BUCKET) -> dict[str, str]:
    """Returns the variables by which KubeRay's programs, and ours, are told of a bucket of the server at a port."""
    return {
        "STORAGE_BACKEND": "s3",
        "S3_BUCKET": bucket,
        "S3_REGION": "us-east-1",
        "S3_ENDPOINT": f"127.0.0.1:{port}",
        "S3FORCE_PATH_STYLE": "true",
        "S3DISABLE_SSL": "true",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


class Versitygw:
    """A running server; a context manager. `buckets` has a folder for each bucket, which may be there before."""

    def __init__(self, folder: Path, names: Iterable[str] = (BUCKET,)):
        self.buckets, self._log = folder / "buckets", folder / "versitygw.log"
        for name in names:
            (self.buckets / name).mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)

    @property
    def bucket(self) -> Path:
        """The folder of the bucket that it has by default."""
        return self.buckets / BUCKET

    @property
    def variables(self) -> dict[str, str]:
        """Those of the bucket that it has by default."""
        return variables(self.port)

    def start(self):
        assert PROGRAM.is_file(), f"no {PROGRAM}: run `make storage-servers`"
        command = [PROGRAM, "--port", f"127.0.0.1:{self.port}", "--quiet", "posix", self.buckets]
        self._process = processes.start(command, self._log, {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET})
        wait_until(lambda: self._process.poll() is not None or get(f"http://127.0.0.1:{self.port}/")[0], START_SECONDS)
        assert self._process.poll() is None, self._log.read_text()

    def stop(self):
        """Ends it at once, as a store that is away."""
        self._process.kill()
        self._process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
