"""Names and prints beyond ASCII, nested tasks, tasks that follow each other on one worker, and long output."""

import os
import sys
import time

import ray


@ray.remote
def size(number):
    print(f"größe {number}: {'ä' * number} ✓ 数据 🚀")
    print(f"warnung {number} → ünïcode", file=sys.stderr)
    return number


@ray.remote(max_retries=1)
def größe():  # noqa: PLC2401  such a name makes Ray end the worker that should run it
    print("never printed")


@ray.remote
def plain(number):
    print(f"plain {number}")
    return number


@ray.remote(num_cpus=0.5)
def leaf(number):
    print(f"leaf {number}")
    return number


@ray.remote(num_cpus=0.5)
def branch(number):
    print(f"branch {number} before its leaves")
    total = sum(ray.get([leaf.remote(number * 10 + n) for n in range(2)]))
    print(f"branch {number} after its leaves")
    return total


@ray.remote(num_cpus=0.5)
def root(number):
    return sum(ray.get([branch.remote(number * 10 + n) for n in range(2)]))


@ray.remote
def chatty(lines):
    for number in range(lines):
        print(f"\x1b[3{number % 8}mline {number}\x1b[0m of {lines}" + " padded" * (number % 5))
        if number % 50 == 0:
            print(f"\rprogress {number}/{lines}", end="", file=sys.stderr)
    print()
    os.write(1, b"raw bytes \xff\xfe\x80 end\r\n")
    print("no line end", end="")


@ray.remote
def silent(seconds):
    time.sleep(seconds)


@ray.remote
class Zähler:  # noqa: PLC2401  what is recorded
    def __init__(self, start):
        self.value = start
        print(f"Zähler beginnt bei {start}")

    def add(self, number):
        self.value += number
        print(f"jetzt {self.value} → größer")
        return self.value

    def erhöhe(self):  # noqa: PLC2401  such a name makes Ray end the actor's process
        print("never printed")

    def __repr__(self):
        return f"Zähler(★{self.value})"


def attempt(label, *references):
    """Reports what became of each, and goes on."""
    for reference in references:
        try:
            print(label, ascii(ray.get(reference)))
        except Exception as error:  # noqa: BLE001, PERF203  whatever a process in another locale raises
            print(label, "failed:", type(error).__name__)


ray.init()
attempt("size", *[size.options(name=f"Größe {n}").remote(n) for n in range(3)])
attempt("named", size.options(name="Größe «eins» → 大きさ 🎉").remote(5))
attempt("named", plain.options(name="Grüße\tmit Tab").remote(6))
attempt("not ASCII", größe.remote())
for number in range(8):
    attempt("one after another", plain.options(name=f"step-{number}").remote(number))
attempt("nested", root.remote(1))
attempt("chatty", chatty.remote(2500), chatty.options(name="Geschwätz").remote(40))
attempt("silent", *[silent.options(name="stumm").remote(0.05) for _ in range(6)])
counter = Zähler.options(name="zähler-ß").remote(10)
attempt("counter", *[counter.add.remote(n) for n in range(4)])
attempt("counter", counter.add.options(name="zähle").remote(4))
attempt("counter not ASCII", counter.erhöhe.remote())
attempt("many", *[plain.remote(n) for n in range(40)])
