"""How far the work on the data is, as the run says it: progress of its stage, and now and then a line of the log."""

import time
from collections.abc import Callable

from core.events import Event, Logged, Progress

QUIET_FOR = 2.0
"""Seconds of work that go without a word: a data set that is ready needs none."""
LINE_EVERY = 10.0
"""Seconds between two lines of the log."""
PROGRESS_EVERY = 0.5
"""Seconds between two reports of progress."""
LEVEL = "data"
"""Level of these lines."""


class Telling:
    """Tells of one work after another; it is what a `core.data.Watch` says.

    Args:
        say: takes the events.
        stage: whose progress it is; None tells of it in the log alone.
        clock: seconds that never go back.
    """

    def __init__(
        self, say: Callable[[Event], None], stage: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._stage = stage
        self._clock = clock
        self._doing = ""
        self._next_line = self._next_progress = 0.0
        self._told = False

    def __call__(self, doing: str, done: int, total: int) -> None:
        """Hear that `done` of `total` images are done."""
        now = self._clock()
        if doing != self._doing:
            self._doing, self._told = doing, False
            self._next_line = self._next_progress = now + QUIET_FOR
        over = done == total
        if now >= self._next_line or (over and self._told):
            self._next_line, self._told = now + LINE_EVERY, not over
            self._say(Logged(f"{doing} {total:,} images: {100 * done // max(1, total)} %", LEVEL))
        if self._stage is not None and now >= self._next_progress:
            self._next_progress = now + PROGRESS_EVERY
            self._say(Progress(self._stage, done, total))
