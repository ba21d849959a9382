"""How fast work progresses, and how long the rest of it will take (no torch)."""

from collections.abc import Callable
from math import exp
from time import monotonic

MEMORY = 30.0
"""Seconds of work that are remembered in full at least; beyond that, the newer half counts most."""


class Pace:
    """Seconds per unit of work.

    What comes before the first call of `reach` does not count: a first step also compiles, allocates and fills caches.
    Older work counts less, so that a change of speed is followed, but over at least half of the time so far, so that
    what alternates has its mean.

    Args:
        clock: monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._work = 0.0
        self._seconds = 0.0
        self._whole = 0.0
        self._last: tuple[float, float] | None = None

    def reach(self, done: float) -> None:
        """Record that `done` units are done now; a number that is not larger than the last one says nothing."""
        now = self._clock()
        if self._last is not None:
            ahead, passed = done - self._last[0], now - self._last[1]
            if ahead <= 0 or passed < 0:
                return
            self._whole += passed
            fade = exp(-passed / max(MEMORY, self._whole / 2))
            self._work = self._work * fade + ahead
            self._seconds = self._seconds * fade + passed
        self._last = done, now

    def pause(self) -> None:
        """Leave out the time since the last call of `reach`."""
        if self._last is not None:
            self._last = self._last[0], self._clock()

    @property
    def per_unit(self) -> float | None:
        """Seconds per unit; None before the second call of `reach`."""
        return self._seconds / self._work if self._work > 0 and self._seconds > 0 else None

    def left(self, total: float) -> float | None:
        """Seconds from the last call of `reach` until `total` units are done; None before the second call."""
        if self._last is None or self.per_unit is None:
            return None
        return max(0.0, total - self._last[0]) * self.per_unit
