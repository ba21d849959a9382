"""Long work on a data set: done in parts by threads, with progress reports, and stoppable between two parts."""

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from core.errors import Stopped

T = TypeVar("T")

MAX_THREADS = 32


def _ignore(task: str, done: int, total: int) -> None:
    del task, done, total


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Watch:
    """Reports progress and asks whether to stop.

    `report` is called often with the task, such as `decoding`, the number of images done, and their total; `stop` is
    called between two parts.
    """

    report: Callable[[str, int, int], None] = _ignore
    stop: Callable[[], bool] = _never

    def step(self, task: str, done: int, total: int) -> None:
        """Report progress, and raise Stopped if a stop was requested; finished work is kept."""
        self.report(task, done, total)
        if self.stop():
            raise Stopped


QUIET = Watch()
"""Reports nothing and never stops."""


def threads() -> int:
    """Number of threads for decoding and hashing: one per core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_THREADS)


def in_parts(parts: Iterable[slice], work: Callable[[slice], T]) -> Generator[tuple[slice, T]]:
    """Process parts in threads, and yield each part with its result as it is done, in any order.

    Only a few parts are in progress at any time, so memory does not grow with their number. A caller that may leave the
    loop early must close the generator (`contextlib.closing`). The work should release the interpreter's lock, as
    reading, hashing, decoding and resizing do: threads are then as fast as processes.
    """
    count = threads()
    waiting = iter(parts)
    with ThreadPoolExecutor(count, thread_name_prefix="images") as pool:
        under_way: dict[Future[T], slice] = {}
        try:
            while True:
                while len(under_way) < 2 * count and (rows := next(waiting, None)) is not None:
                    under_way[pool.submit(work, rows)] = rows
                if not under_way:
                    return
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield under_way.pop(future), future.result()
        finally:
            for future in under_way:
                future.cancel()
