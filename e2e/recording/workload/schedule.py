"""Placement groups that come and go, cancelled tasks, tasks that are never placed, and generators."""

import sys
import time

import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy


@ray.remote(max_retries=0)
def nap(seconds, label="nap"):
    print(f"{label} begins", flush=True)
    time.sleep(seconds)
    print(f"{label} ends")
    return label


@ray.remote(num_cpus=0.2)
class Tenant:
    def work(self):
        print("tenant works", flush=True)
        return 1


@ray.remote(num_returns="dynamic")
def dynamic(count):
    for number in range(count):
        print(f"dynamic {number}")
        yield number


@ray.remote
def streaming(count, fail_at=-1):
    for number in range(count):
        if number == fail_at:
            raise StopAsyncIteration("stream → gerissen")
        print(f"streaming {number}", flush=True)
        yield number
        time.sleep(0.05)


@ray.remote
def after(*values):
    return len(values)


def outcome(label, *references):
    for reference in references:
        try:
            print(label, ray.get(reference, timeout=40))
        except Exception as error:  # noqa: BLE001, PERF203  every kind is wanted
            print(label, "->", type(error).__name__)


def placed(group, bundle=0):
    return PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle)


def stream(label, generator):
    try:
        print(label, [ray.get(reference) for reference in generator])
    except Exception as error:  # noqa: BLE001  every kind is wanted
        print(label, "->", type(error).__name__)


ray.init()
lasting = placement_group([{"CPU": 0.2}], name="bleibt-größer", lifetime="detached")
group = placement_group([{"CPU": 0.5}, {"CPU": 0.3}], strategy="SPREAD", name="vergeht")
never = placement_group([{"moon": 1}], name="nie")
ray.get([lasting.ready(), group.ready()], timeout=40)
tenant = Tenant.options(scheduling_strategy=placed(group, 1)).remote()
inside = nap.options(num_cpus=0.5, scheduling_strategy=placed(group), name="in the group").remote(30, "inside")
outcome("tenant", tenant.work.remote())
time.sleep(1.5)
remove_placement_group(group)
outcome("inside", inside, tenant.work.remote())
outcome("brief", nap.options(num_cpus=0.1, scheduling_strategy=placed(lasting)).remote(0.1, "brief"))

running = nap.options(name="cancelled while running").remote(30, "running")
forced = nap.options(name="cancelled by force").remote(30, "forced")
time.sleep(2.5)
queue = [nap.options(resources={"worker1": 1}, name="queued").remote(1.5, f"queued {n}") for n in range(4)]
dependent = after.options(name="cancelled while waiting").remote(running)
ray.cancel(dependent)
outcome("cancelled while waiting", dependent)
ray.cancel(queue[2])
ray.cancel(queue[3])
ray.cancel(running)
ray.cancel(forced, force=True)
outcome("cancelled", running, forced, *queue)

moon = nap.options(resources={"moon": 1}, name="never placed").remote(1, "moon")
vain = after.options(name="waits for the moon").remote(moon)
never_in = nap.options(scheduling_strategy=placed(never, -1), resources={"moon": 1}, num_cpus=0).remote(1, "never in")
cancelled_moon = nap.options(resources={"moon": 2}, name="cancelled unplaced").remote(1)
ray.wait([moon], timeout=1)
ray.cancel(cancelled_moon)
outcome("cancelled unplaced", cancelled_moon)

stream("dynamic", ray.get(dynamic.remote(4)))
stream("streaming", streaming.remote(5))
stream("torn", streaming.options(max_retries=0).remote(5, 3))
cut = streaming.options(name="cut → abgeschnitten").remote(400)
print(ray.get(next(cut)), file=sys.stderr)
ray.cancel(cut)
stream("cut", cut)
