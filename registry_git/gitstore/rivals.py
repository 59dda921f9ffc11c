"""How long to wait when others write as well: they cannot be seen, only that they were first."""

from __future__ import annotations

import time

_LEAST_SECONDS = 0.002
_MOST_SECONDS = 3.0
_MEMORY_SECONDS = 5.0  # a rival who has not been met for so long is gone


class Rivals:
    """Spreads the tries of writers who share a remote, by what this one has met.

    Who has just written would be first again, since it knows `main` already, and the others would starve. So who
    writes again waits a moment, the longer the more tries its last writes took; who has lost tries again soon.
    """

    def __init__(self) -> None:
        self._turn = 0.0  # seconds that one try takes
        self._crowd = 0.0  # how many tries one write takes beyond the first, on the average
        self._met = float("-inf")
        self._begun = 0.0
        self._lost = 0

    def begin(self) -> None:
        """Waits for one's turn before a write is tried for the first time."""
        self._lost = 0
        if time.monotonic() - self._met < _MEMORY_SECONDS:
            _pause(self._turn * self._crowd * 2)
        else:
            self._crowd = 0.0
        self._begun = time.monotonic()

    def lost(self) -> None:
        """Waits before the next try of a write that was not first."""
        self._measure()
        self._lost += 1
        self._met = time.monotonic()
        _pause(self._turn * (1 + self._crowd) / self._lost)
        self._begun = time.monotonic()

    def won(self) -> None:
        """Remembers how hard the write was."""
        self._measure()
        self._crowd = (self._crowd + self._lost) / 2

    def _measure(self) -> None:
        took = time.monotonic() - self._begun
        self._turn = took if not self._turn else (self._turn + took) / 2


def _pause(at_most: float) -> None:
    import random  # slow to import, and most writers meet nobody

    time.sleep(random.uniform(_LEAST_SECONDS, max(_LEAST_SECONDS, min(at_most, _MOST_SECONDS))))  # noqa: S311 - no secret
