"""What the machine does not give is said before anything starts, and never a panic."""

import os
import resource
import shutil

from e2e import processes
from e2e.server import BINARY

NOBODY = 65534


def test_too_few_threads_are_an_error_that_says_what_to_do(tmp_path):
    program = tmp_path / "program"
    shutil.copy(BINARY, program)
    program.chmod(0o755)

    def restrict():
        # Root is not bound by this limit.
        if os.getuid() == 0:
            os.setuid(NOBODY)
        resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))

    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    command = [str(program), "serve", "--local-dir", "/", "--listen", "127.0.0.1:0"]
    ended = processes.run(command, succeeds=False, preexec_fn=restrict)
    assert ended.returncode == 1, ended.stderr
    assert "needs" in ended.stderr, ended.stderr
    assert "allow it more" in ended.stderr, ended.stderr
    assert "panicked" not in ended.stderr, ended.stderr
