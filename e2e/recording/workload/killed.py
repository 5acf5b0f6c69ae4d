"""A driver that is killed while its tasks run."""

import os
import signal
import time

import ray


@ray.remote(num_cpus=0.5)
def nap(seconds):
    print(f"napping {seconds}", flush=True)
    time.sleep(seconds)


@ray.remote(num_cpus=0.5)
class Sleeper:
    def nap(self, seconds):
        print(f"sleeper naps {seconds}", flush=True)
        time.sleep(seconds)


ray.init()
ray.get([nap.options(name="short").remote(0.1) for _ in range(4)])
sleeper = Sleeper.remote()
running = [nap.remote(60), nap.options(name="läuft noch").remote(60), sleeper.nap.remote(60)]
ray.wait(running, timeout=4)
print("the driver is about to be killed", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
