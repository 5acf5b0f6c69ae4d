"""Tasks that succeed, one that fails, and an actor."""

import ray

ray.init()


@ray.remote(num_cpus=0.5)
def square(x):
    print(f"square of {x}")
    return x * x


@ray.remote(num_cpus=0.5, max_retries=0)
def broken():
    raise ValueError("broken on purpose")


@ray.remote(num_cpus=0.1)
class Counter:
    """Adds up."""

    def __init__(self):
        self.count = 0

    def add(self, n):
        self.count += n
        return self.count


counter = Counter.options(name="counter").remote()
for value in ray.get([square.remote(x) for x in range(20)]):
    ray.get(counter.add.remote(value))
try:
    ray.get(broken.remote())
except ValueError as error:
    print(f"as expected: {error}")
print(f"sum: {ray.get(counter.add.remote(0))}")
