"""A real S3 server with a bucket for each collector."""

import subprocess
from pathlib import Path

from e2e.harness.loopback import free_ports

from .peer import KEYS, NAMES


class Store:
    """A real S3 server on a free port, whose objects are files; a context manager."""

    def __init__(self, program: Path, folder: Path):
        self.folder = folder
        (self.port,) = free_ports(1)
        self._command = [program, "--port", f"127.0.0.1:{self.port}", "--quiet", "posix", str(folder)]

    def __enter__(self):
        for name in NAMES:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        environment = {"ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
        with self.folder.with_suffix(".log").open("wb") as log:
            self._process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
