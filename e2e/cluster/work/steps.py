"""Tasks without an end, on all nodes. Driver and tasks say the number of each, and when it was done."""

import itertools
import time

import ray

ray.init()


@ray.remote(num_cpus=0.5, scheduling_strategy="SPREAD")
def step(number):
    print(f"step {number}", flush=True)
    time.sleep(0.1)
    return number


for first in itertools.count(0, 2):
    for number in ray.get([step.remote(first), step.remote(first + 1)]):
        print(f"done {number} {time.time()}", flush=True)
