"""A driver that waits to be stopped, with tasks running and queued."""

import time

import ray


@ray.remote(num_cpus=0.5)
def nap(seconds):
    print(f"napping {seconds}", flush=True)
    time.sleep(seconds)


ray.init()
ray.get(nap.remote(0.1))
running = [nap.options(name="wird angehalten").remote(90) for _ in range(2)]
queued = [nap.options(name="wartet", resources={"moon": 1}).remote(90) for _ in range(2)]
ray.wait(running, timeout=2)
print("ready to be stopped", flush=True)
time.sleep(90)
