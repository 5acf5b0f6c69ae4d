"""Fills memory that belongs to no process (a memory volume), so that the kernel has to end the whole container.

It begins once the file `/tmp/fill` is there.
"""

import time
from pathlib import Path

import ray

ray.init()


@ray.remote(num_cpus=0.5, resources={"big": 1}, max_retries=0)
def fill():
    while not Path("/tmp/fill").exists():  # noqa: S108  the container's own
        time.sleep(0.1)
    with Path("/dev/shm/filled").open("wb") as file:  # noqa: S108  this machine's memory is meant
        while True:
            file.write(b"x" * 16777216)
            time.sleep(0.05)


ray.get(fill.remote())
