"""versitygw, an S3 server with folders as its buckets, which can be away for a while and come back."""

import os
from pathlib import Path

from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import wait_until
from e2e.harness.service import get

BUCKET, KEY, SECRET = "ray", "testkey", "testsecret"
PROGRAM = Path(os.environ.get("RAY_HISTORY_STORAGE_SERVERS", REPOSITORY / ".cache" / "servers")) / "versitygw"
START_SECONDS = 30


class Versitygw:
    """A running server; a context manager. `bucket` is the folder of its bucket."""

    def __init__(self, folder: Path):
        self._buckets, self._log = folder / "buckets", folder / "versitygw.log"
        self.bucket = self._buckets / BUCKET
        self.bucket.mkdir(parents=True)
        (self._port,) = free_ports(1)

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which KubeRay's programs, and ours, are told of it."""
        return {
            "STORAGE_BACKEND": "s3",
            "S3_BUCKET": BUCKET,
            "S3_REGION": "us-east-1",
            "S3_ENDPOINT": f"127.0.0.1:{self._port}",
            "S3FORCE_PATH_STYLE": "true",
            "S3DISABLE_SSL": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def start(self):
        assert PROGRAM.is_file(), f"no {PROGRAM}: run `make storage-servers`"
        command = [PROGRAM, "--port", f"127.0.0.1:{self._port}", "--quiet", "posix", self._buckets]
        self._process = processes.start(command, self._log, {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET})
        wait_until(lambda: self._process.poll() is not None or get(f"http://127.0.0.1:{self._port}/")[0], START_SECONDS)
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
