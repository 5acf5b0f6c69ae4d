"""The processes that a recorded cluster has for its own, and ends."""

from pathlib import Path

from e2e.harness import processes
from e2e.harness.server import wait_until
from e2e.recording.cluster import is_of

TITLED = ["setsid", "env", "--ignore-environment", "/bin/sleep", "60"]
"""A process in a session of its own without an environment, as those of Ray that give themselves a title."""


def test_processes_belong_to_a_node_by_their_session_or_by_their_marks(tmp_path):
    titled = processes.start(TITLED, tmp_path / "titled")
    marked = processes.start(["/bin/sleep", "60"], tmp_path / "marked", {"ONE": "1", "TWO": "2"})
    of = lambda process, groups, *marks: is_of(Path(f"/proc/{process.pid}"), groups, set(marks))  # noqa: E731
    try:
        wait_until(lambda: of(titled, {titled.pid}, b"ONE=1"), 10)
        wait_until(lambda: of(marked, {titled.pid}, b"ONE=1", b"TWO=2"), 10)
        assert not of(titled, {marked.pid}, b"ONE=1")
        assert not of(marked, set(), b"ONE=1", b"TWO=3")
        titled.kill()
        # Nobody has asked for its status yet, so its entry in /proc is there.
        wait_until(lambda: not of(titled, {titled.pid}, b"ONE=1"), 10)
        assert Path(f"/proc/{titled.pid}").exists()
    finally:
        for process in (titled, marked):
            process.kill()
            process.wait()
