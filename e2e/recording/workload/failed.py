"""A driver that fails by an exception of a task."""

import ray


@ray.remote
def half(number):
    print(f"half of {number}")
    if number % 2:
        raise ValueError(f"{number} ist ungerade → größer «nichts»")
    return number // 2


ray.init()
print([ray.get(half.remote(number)) for number in (4, 2, 3)])
