"""Progress of work on the data as events of the run: progress of its stage, and log lines at longer intervals."""

import time
from collections.abc import Callable

from core.events import Event, Logged, Progress
from core.pace import Pace

QUIET_FOR = 2.0
"""Seconds before the first report, so that a data set that is ready causes none."""
LINE_EVERY = 10.0
"""Seconds between two log lines."""
PROGRESS_EVERY = 0.5
"""Seconds between two progress events."""
LEVEL = "data"
"""Level of the log lines."""


class DataProgress:
    """The `report` of a `core.data.watch.Watch`: turns calls into events.

    Args:
        write: receives the events.
        stage: stage of the progress events; None for log lines only.
        clock: monotonic clock in seconds.
    """

    def __init__(
        self, write: Callable[[Event], None], stage: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._stage = stage
        self._clock = clock
        self._task = ""
        self._next_line = self._next_progress = 0.0
        self._logged = False
        self._pace = Pace(clock)

    def __call__(self, task: str, done: int, total: int) -> None:
        """Report that `done` of `total` images are done."""
        now = self._clock()
        if task != self._task:
            self._task, self._logged = task, False
            self._next_line = self._next_progress = now + QUIET_FOR
            self._pace = Pace(self._clock)
        self._pace.reach(done)
        over = done == total
        if now >= self._next_line or (over and self._logged):
            self._next_line, self._logged = now + LINE_EVERY, not over
            self._write(Logged(f"{task} {total:,} images: {100 * done // max(1, total)} %", LEVEL))
        if self._stage is not None and now >= self._next_progress:
            self._next_progress = now + PROGRESS_EVERY
            self._write(Progress(self._stage, done, total, self._pace.left(total)))
