"""People who go on asking while something is done to a server: whether one of their requests fails."""

import threading
import time
from collections.abc import Callable


class Load:
    """Requests of several people, each on a connection of its own; a context manager.

    `ask` returns a status, something for a failure's report, and a body.
    """

    def __init__(self, ask: Callable[[str], tuple], paths: list[str], *, people: int, pause: float = 0):
        self._ask, self._paths, self._pause, self._stop = ask, paths, pause, threading.Event()
        self.answered, self.failed = 0, []
        self._threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(people)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, number: int):
        while not self._stop.wait(self._pause):
            path = self._paths[number % len(self._paths)]
            number += 1
            status, about, body = self._ask(path)
            if status == 200:
                self.answered += 1
            else:
                self.failed.append((path, status, about, body[:200]))

    def wait_for(self, count: int):
        """Waits until this many more requests have been answered."""
        end, wanted = time.monotonic() + 60, self.answered + count
        while self.answered < wanted and not self.failed:
            assert time.monotonic() < end, f"{self.answered} of {wanted} answered"
            time.sleep(0.02)
