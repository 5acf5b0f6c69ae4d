"""A little of everything: tasks that fail, retry or wait for ever, actors that restart, a placement group."""

import os
import time

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy


@ray.remote
def ok(number):
    print(f"ok {number}")
    return number


@ray.remote(max_retries=0)
def boom():
    raise ValueError("boom <&> größer")


@ray.remote(max_retries=1)
def die():
    print("about to die", flush=True)
    os._exit(1)


@ray.remote
def parent(number):
    return sum(ray.get([ok.remote(n) for n in range(number)]))


@ray.remote(max_restarts=1, max_task_retries=0)
class Counter:
    def __init__(self):
        self.number = 0

    def add(self):
        self.number += 1
        return self.number

    def fail(self):
        raise RuntimeError("of an actor")

    def die(self):
        os._exit(1)


@ray.remote
class Async:
    async def work(self):
        return 1


def outcome(label, reference):
    try:
        print(label, ray.get(reference, timeout=40))
    except Exception as error:  # noqa: BLE001  every kind is wanted
        print(label, "->", type(error).__name__)


ray.init(namespace="mixed")
print("sum", sum(ray.get([ok.remote(n) for n in range(20)])))
for label, reference in {"boom": boom.remote(), "die": die.remote(), "parent": parent.remote(3)}.items():
    outcome(label, reference)
outcome("elsewhere", ok.options(resources={"worker1": 0.1}, name="elsewhere").remote(1))
infeasible = ok.options(resources={"moon": 1}, name="infeasible").remote(1)

counter = Counter.options(name="named").remote()
for method in (counter.add, counter.fail, counter.die):
    outcome("counter", method.remote())
time.sleep(2)
outcome("counter again", counter.add.remote())
detached = Counter.options(name="detached", lifetime="detached").remote()
outcome("detached", detached.add.remote())
asynchronous = Async.remote()
outcome("async", asynchronous.work.remote())
ray.kill(asynchronous)

group = placement_group([{"CPU": 0.2}], name="lasting", lifetime="detached")
ray.get(group.ready(), timeout=40)
placed = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=0)
outcome("placed", ok.options(num_cpus=0.1, scheduling_strategy=placed, name="placed").remote(1))
time.sleep(1)
