"""Very many small tasks."""

import ray


@ray.remote
def small(number):
    return number


ray.init()
print(sum(ray.get([small.remote(number) for number in range(1500)])))
