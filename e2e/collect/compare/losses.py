"""The events and bytes of logs that a bucket lacks; pure."""

from collections import Counter
from collections.abc import Iterable

Piece = tuple[int, bytes]
"""A part of a log: its offset, and its bytes."""


def covered(log: bytes, pieces: Iterable[Piece]) -> int:
    """Returns how many bytes of a log are stored; a piece that says something else of a range does not count."""
    end = total = 0
    for at, stored in sorted((at, stored) for at, stored in pieces if log[at : at + len(stored)] == stored):
        first, last = max(at, end), at + len(stored)
        if last > first:
            total += last - first
            end = last
    return total


def missing_bytes(logs: dict[str, bytes], stored: dict[str, list[Piece]]) -> dict[str, int]:
    """Returns how many bytes of each log are not stored, of logs that are not whole."""
    lacking = {path: len(log) - covered(log, stored.get(path, [])) for path, log in logs.items()}
    return {path: count for path, count in lacking.items() if count}


def renamed(stored: dict[str, list[Piece]], names: dict[str, str]) -> dict[str, list[Piece]]:
    """Returns the pieces of logs by their last names, of which `names` has those that are stored under others."""
    found: dict[str, list[Piece]] = {}
    for path, pieces in stored.items():
        found.setdefault(names.get(path, path), []).extend(pieces)
    return found


def missing_events(posted: Iterable[str], stored: Iterable[str]) -> set[str]:
    return set(posted) - set(stored)


def doubled(stored: Iterable[str]) -> int:
    """Returns how many events are stored more than once."""
    return sum(1 for count in Counter(stored).values() if count > 1)
