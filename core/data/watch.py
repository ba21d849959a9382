"""Long work on a data set: done in parts by threads, told of as it goes, and stopped between two parts."""

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

MAX_THREADS = 32


def _tell_nobody(doing: str, done: int, total: int) -> None:
    del doing, done, total


def _never() -> bool:
    return False


class Interrupted(Exception):
    """Work on the data was asked to stop; what is done is kept, and the next call goes on from there."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears how far the work is, and who may stop it.

    Attributes:
        say: told what is being done with the images, and how many of how many are done; called often.
        stop: asked between two parts whether to stop.
    """

    say: Callable[[str, int, int], None] = _tell_nobody
    stop: Callable[[], bool] = _never

    def step(self, doing: str, done: int, total: int) -> None:
        """Stand between two parts.

        Raises:
            Interrupted: a stop was asked for.
        """
        self.say(doing, done, total)
        if self.stop():
            raise Interrupted


QUIET = Watch()
"""Tells nobody, and is stopped by nobody."""


def threads() -> int:
    """Threads to decode and to hash with: one for each core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_THREADS)


def in_parts(parts: Iterable[slice], work: Callable[[slice], T]) -> Generator[tuple[slice, T]]:
    """Do the parts of a work in threads, and give what comes of each as it is done, in any order.

    Few parts are under way at any time, so memory does not grow with their number, and closing this waits for those few
    alone; whoever may leave the loop early closes it (`contextlib.closing`), so that no thread works on. The heavy work
    must release the interpreter's lock, as reading, hashing, decoding and resizing do: two threads then decode as fast
    as two processes, and there is no process to start, to feed, or to outlive this one.

    Args:
        parts: rows of each part.
        work: what is done with the rows of a part.
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
