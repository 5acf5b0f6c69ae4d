"""A driver that fails with its task."""

import ray

ray.init()


@ray.remote(max_retries=0)
def broken():
    raise ValueError("broken on purpose")


ray.get(broken.remote())
