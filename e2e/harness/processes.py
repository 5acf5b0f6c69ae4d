"""Starts every process of the tests: without the user's environment; a failure shows the output."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
HOMES = REPOSITORY.resolve() / "target" / "test-homes"
INHERITED = dict(os.environ)
"""The environment at the start of this process: libraries that tests import, Ray's for one, add to it."""
PIPE = subprocess.PIPE
"""A stream that `run` captures and returns."""
KNOBS = ("RAY_HISTORY_",)
"""Variables that are meant for the tests, and would be flags of the program."""


def is_alone() -> bool:
    """Returns True if `scripts/test-env` started this process, or one that it descends from."""
    return Path(os.environ.get("HOME", "/")).parent == HOMES


def alone():
    """Restarts this process by `scripts/test-env`, unless that started it.

    Clients within the process read its environment, too: urllib for proxies, Helm for a home, libc for the zone.
    """
    if not is_alone():
        script = str(REPOSITORY / "scripts" / "test-env")
        os.execv(script, [script, sys.executable, *sys.orig_argv[1:]])  # noqa: S606  no shell is meant


def environment(own: dict[str, str]) -> dict[str, str]:
    """Returns the environment of a process, with variables of its own."""
    assert is_alone(), "this process has the user's environment: call processes.alone() first"
    inherited = {name: value for name, value in INHERITED.items() if not name.startswith(KNOBS)}
    return {**inherited, "NO_COLOR": "1", **own}


def run(
    command: list, *, own: dict[str, str] | None = None, succeeds: bool | None = True, timeout: float = 120, **options
) -> subprocess.CompletedProcess:
    """Runs a program to its end, which must be a success, a failure (`succeeds=False`) or either (None)."""
    command = [str(word) for word in command]
    options = {"capture_output": True, "text": True, **options}
    try:
        done = subprocess.run(command, timeout=timeout, check=False, env=environment(own or {}), **options)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(
            failure_text(command, f"did not end within {timeout} s", late.stdout, late.stderr)
        ) from None
    if succeeds is not None and (done.returncode == 0) != succeeds:
        raise AssertionError(failure_text(command, f"ended with status {done.returncode}", done.stdout, done.stderr))
    return done


def failure_text(command: list[str], what: str, *printed: str | bytes | None) -> str:
    """Returns the text of a failure: a command, its end, and its output."""
    texts = [each.decode(errors="replace") if isinstance(each, bytes) else each for each in printed if each]
    return "\n".join([f"{' '.join(command)} {what}", *texts])


def start(command: list, log: Path, own: dict[str, str] | None = None) -> subprocess.Popen:
    """Starts a program that goes on; its output goes to a file."""
    command = [str(word) for word in command]
    with log.open("wb") as to:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=to, stderr=to, env=environment(own or {}))


def wait_until_up(process: subprocess.Popen, is_up: Callable[[], bool], tail: Callable[[], str], seconds: float):
    """Waits until a program that was started is up; where it is not, ends it, and fails with the `tail` of its log."""
    end = time.monotonic() + seconds
    try:
        while not is_up():
            assert process.poll() is None, tail()
            assert time.monotonic() < end, tail()
            time.sleep(0.05)
    except BaseException:
        stop(process, seconds)
        raise


@contextmanager
def talk(command: list, own: dict[str, str] | None = None, seconds: float = 120) -> Iterator[subprocess.Popen]:
    """Starts a program whose standard error the block reads as it comes, or leaves unread.

    The program is killed at the end of the block or of the time, so no wait for a line is longer.
    """
    command = [str(word) for word in command]
    with subprocess.Popen(command, stderr=PIPE, env=environment(own or {}), text=True) as process:
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            yield process
        finally:
            late.cancel()
            process.kill()


def stop(process: subprocess.Popen, seconds: float) -> int:
    """Asks a program to end, and returns its status; one that does not end is killed, and fails the test."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args[0]} did not end within {seconds} s of SIGTERM") from None
