"""A machine that lacks something is an error before anything starts, never a panic."""

import os
import resource
import shutil
import tempfile
from pathlib import Path

import pytest

from e2e.harness import processes
from e2e.harness.server import BINARY

NOBODY = 65534


@pytest.fixture
def program():
    """A copy of the program in a folder that everybody may enter: pytest's own are for one user."""
    with tempfile.TemporaryDirectory(prefix="ray-history-") as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copy(BINARY, folder))


def test_too_few_threads_are_an_error_that_says_what_to_do(program):

    def restrict():
        # Root is not bound by this limit.
        if os.getuid() == 0:
            os.setuid(NOBODY)
        resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))

    command = [str(program), "serve", "--local-dir", "/", "--listen", "127.0.0.1:0"]
    ended = processes.run(command, succeeds=False, preexec_fn=restrict)
    assert ended.returncode == 2, ended.stderr
    assert "needs" in ended.stderr, ended.stderr
    assert "allow it more" in ended.stderr, ended.stderr
    assert "panicked" not in ended.stderr, ended.stderr
