"""Actors of every kind: async, threaded, restarted, killed, leaving, forgotten, detached, failing, never placed."""

import asyncio
import os
import signal
import time

import ray

DETACHED = {"lifetime": "detached", "namespace": "hard"}


@ray.remote(num_cpus=0.1)
class Async:
    async def work(self, number):
        print(f"async {number} begins")
        await asyncio.sleep(0.1)
        print(f"async {number} ends")
        return number

    async def fail(self):
        raise RuntimeError("async → daneben")


@ray.remote(num_cpus=0.1, concurrency_groups={"io": 2, "compute": 1})
class Threaded:
    @ray.method(concurrency_group="io")
    def read(self, number):
        print(f"read {number}")
        time.sleep(0.05)

    @ray.method(concurrency_group="compute")
    def compute(self, number):
        print(f"compute {number}")

    def other(self):
        print("other")


@ray.remote(num_cpus=0.1)
class Worker:
    def __init__(self, name="nameless"):
        self.name = name
        print(f"{name} begins in {os.getpid()}", flush=True)

    def work(self, number):
        print(f"{self.name} works {number}")
        return number

    def nap(self, seconds):
        print(f"{self.name} naps", flush=True)
        time.sleep(seconds)

    def fail(self):
        raise KeyError("schlüssel")

    def die(self, way):
        print(f"{self.name} dies by {way}", flush=True)
        if way == "exit":
            os._exit(3)
        os.kill(os.getpid(), getattr(signal, way))
        time.sleep(20)

    def leave(self):
        print(f"{self.name} leaves")
        ray.actor.exit_actor()

    def nested(self):
        return ray.get(helper.remote(self.name))

    def __repr__(self):
        return f"Worker({self.name})"


@ray.remote(num_cpus=0.1)
def helper(name):
    print(f"helps {name}")
    return name


@ray.remote(num_cpus=0.1)
class Unborn:
    def __init__(self):
        raise ValueError("never → nie")

    def work(self):
        return 1


def outcome(label, *references):
    for reference in references:
        try:
            print(label, ray.get(reference, timeout=40))
        except Exception as error:  # noqa: BLE001, PERF203  every kind is wanted
            print(label, "->", type(error).__name__)


ray.init(namespace="hard")
asynchronous = Async.remote()
outcome("async", *[asynchronous.work.remote(n) for n in range(6)], asynchronous.fail.remote())
threaded = Threaded.options(name="threads-für-alles").remote()
outcome("threaded", *[threaded.read.remote(n) for n in range(4)], threaded.compute.remote(1), threaded.other.remote())

phoenix = Worker.options(name="phönix", max_restarts=2, max_task_retries=1).remote("phönix")
outcome("phoenix", phoenix.work.remote(1), phoenix.die.options(max_task_retries=0).remote("SIGKILL"))
outcome("phoenix", phoenix.work.remote(2), phoenix.die.options(max_task_retries=0).remote("exit"))
outcome("phoenix", phoenix.work.remote(3), phoenix.work.options(name="umbenannt").remote(4))

mortal = Worker.remote("mortal")
outcome("mortal", mortal.fail.remote(), mortal.nested.remote(), mortal.die.remote("SIGTERM"), mortal.work.remote(9))
victim = Worker.options(max_restarts=1).remote("victim")
outcome("victim", victim.work.remote(1))
napping = victim.nap.remote(30)
time.sleep(0.5)
ray.kill(victim)
outcome("killed", napping)
leaver = Worker.remote("leaver")
outcome("leaver", leaver.leave.remote(), leaver.work.remote(1))
forgotten = Worker.remote("forgotten")
outcome("forgotten", forgotten.work.remote(1))
del forgotten
outcome("unborn", Unborn.remote().work.remote())

detached = Worker.options(name="bleibt", **DETACHED).remote("bleibt")
outcome("detached", detached.work.remote(1))
doomed = Worker.options(name="vergeht", **DETACHED).remote("vergeht")
outcome("doomed", doomed.work.remote(1))
ray.kill(doomed)
lasting = Worker.options(name="überlebt", max_restarts=-1, **DETACHED).remote("überlebt")
outcome("lasting", lasting.die.options(max_task_retries=0).remote("SIGKILL"), lasting.work.remote(2))
nowhere = Worker.options(name="nirgends", resources={"moon": 1}, **DETACHED).remote("nirgends")
waiting = Worker.options(resources={"moon": 1}).remote("waits in vain")
pending = waiting.work.remote(1)
busy = Worker.remote("busy at the end")
outcome("busy", busy.work.remote(1))
unfinished = busy.nap.remote(60)
time.sleep(1)
