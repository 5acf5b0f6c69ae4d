"""Tasks whose workers die in every way, tasks that are tried again, and tasks that raise."""

import os
import signal
import sys
import time
from pathlib import Path

import ray

MARKS = Path(os.environ["HARD_MARKS"])
WAYS = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "exit 3": lambda: os._exit(3),
    "sys.exit": lambda: sys.exit(1),
    "abort": os.abort,
}


def first_time(mark):
    try:
        (MARKS / mark).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@ray.remote(max_retries=0)
def die(way, pause=0.0):
    print(f"about to die by {way} → tschüß")
    print(f"last words to stderr before {way}", file=sys.stderr)
    sys.stdout.flush()
    time.sleep(pause)
    WAYS[way]()
    time.sleep(20)


@ray.remote(max_retries=2)
def die_once(way):
    if first_time(f"once {way}"):
        print(f"first try of {way}, dying", flush=True)
        WAYS[way]()
        time.sleep(20)
    print(f"second try of {way}, living")
    return way


@ray.remote(max_retries=1)
def die_always():
    print("dying, as always", flush=True)
    os._exit(4)


@ray.remote(max_retries=3, retry_exceptions=True)
def raise_twice():
    if first_time("raise 1") or first_time("raise 2"):
        print("raising")
        raise ConnectionError("not yet → später")
    print("well at last")
    return "third time"


class OddError(Exception):
    """Cannot be pickled whole."""

    def __init__(self, one, two):
        super().__init__(f"{one}: {two} <&> größer\n\x1b[31mred\x1b[0m")
        self.lock = os.scandir("/")


@ray.remote
def fail(kind):
    print(f"failing with {kind}")
    if kind == "odd":
        raise OddError("odd", "größe")
    if kind == "long":
        raise ValueError("long " * 2000)
    raise ZeroDivisionError(f"division → {kind}")


@ray.remote
def after(value):
    return value


@ray.remote(num_cpus=0.2)
def child(number):
    print(f"child {number}", flush=True)
    time.sleep(3)
    return number


@ray.remote(max_retries=0, num_cpus=0.2)
def dying_parent():
    children = [child.options(name="orphan").remote(n) for n in range(2)]
    ray.wait(children, timeout=1.5)
    print("parent leaves its children", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(20)


def outcome(label, reference):
    try:
        print(label, ray.get(reference, timeout=60))
    except Exception as error:  # noqa: BLE001  every kind is wanted
        print(label, "->", type(error).__name__)


ray.init()
tasks = {f"die {way}": die.options(name=f"die by {way}").remote(way) for way in WAYS}
tasks |= {f"late {way}": die.options(name="die late → spät").remote(way, 1.3) for way in ("SIGKILL", "SIGTERM")}
tasks |= {f"once {way}": die_once.remote(way) for way in ("SIGKILL", "exit 3", "SIGTERM")}
tasks["always"] = die_always.remote()
tasks["parent"] = dying_parent.remote()
for name, reference in tasks.items():
    outcome(name, reference)
outcome("raise", raise_twice.remote())
for kind in ("zero", "odd", "long"):
    outcome(kind, fail.options(name=f"fail-{kind}").remote(kind))
outcome("dependent", after.remote(fail.remote("zero")))
outcome("dependent of dead", after.remote(die.remote("exit 3")))
bad = {"working_dir": "file:///nowhere/at/all.zip"}
outcome("bad environment", after.options(runtime_env=bad, name="bad environment").remote(1))
outcome("own environment", after.options(runtime_env={"env_vars": {"GRÖSSE": "ß"}}).remote(2))
