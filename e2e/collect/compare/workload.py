"""A job of known size: so many tasks a second for so many seconds, each of which prints one line of 100 bytes.

usage: workload.py RATE SECONDS
"""

import sys
import time

import ray


@ray.remote(num_cpus=0.2, scheduling_strategy="SPREAD")
def line(number: int):
    print(f"{number:09d} ".ljust(99, "."), flush=True)


def main():
    rate, seconds = float(sys.argv[1]), float(sys.argv[2])
    ray.init(log_to_driver=False)
    began, sent, waiting = time.monotonic(), 0, []
    while (now := time.monotonic() - began) < seconds:
        due = int(now * rate) - sent
        waiting += [line.remote(sent + number) for number in range(due)]
        sent += due
        if len(waiting) > 2 * rate + 100:
            _, waiting = ray.wait(waiting, num_returns=len(waiting) // 2)
        time.sleep(min(1 / rate, 0.05))
    ray.get(waiting)
    print(f"ran {sent} tasks")


if __name__ == "__main__":
    main()
