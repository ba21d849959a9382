"""Following a run live and stopping it on signals, for all commands that do so."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from core.runs.stream import EventReader
from core.runs.text import safe_text
from experiments.hosting import ENGINE
from prusc_tui.lines import line_of

if TYPE_CHECKING:
    from rich.console import Console

    from core.engine.engine import Job
    from core.runs.folder import RunFolder

EVERY = 0.25  # seconds between looks at the run's folder
LEAST_BETWEEN = 0.45  # seconds between two pictures on a terminal


class Stopper:
    """Passes a request to stop on to the current run, or to the next one."""

    def __init__(self) -> None:
        self.asked = False
        self._job: Job | None = None

    def stop(self) -> None:
        """Stop the current run at its next step boundary."""
        self.asked = True
        if self._job is not None:
            self._job.stop()

    def watch(self, job: "Job") -> None:
        """Make `job` the current run."""
        self._job = job
        if self.asked:
            job.stop()


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stopper]:
    """Stop cleanly on the first Ctrl-C, hang-up or termination; the second Ctrl-C ends the process at once.

    A hang-up that was ignored at the start of the process, as with nohup, stays ignored.
    """
    stopper = Stopper()

    def stop(number: int, _: object) -> None:
        if stopper.asked and number == signal.SIGINT:
            os._exit(130)
        stopper.stop()
        with contextlib.suppress(OSError):
            sys.stderr.write("\nstopping at the next step, with a checkpoint (Ctrl-C again quits at once)\n")

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        yield stopper
        return
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield stopper
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def reader_at_end(folder: "RunFolder") -> EventReader:
    """Return a reader past all events so far, so that a resumed run does not print them again."""
    reader = EventReader(folder.events)
    reader.read()
    return reader


def follow(folder: "RunFolder", out: "Console", stopper: Stopper, reader: "EventReader | None" = None) -> "Job":
    """Show a run of this process until it has ended; the error of the job says why it could not even start.

    Raises OSError if the output is lost, such as a closed pipe, a terminal that is gone or a file on a full disk: once
    the run has ended, which does not need it.
    """
    job = ENGINE.job(folder.id)
    stopper.watch(job)
    try:
        show(folder, out, lambda: job.wait(0), reader)
    finally:
        job.wait()
    return job


def show(
    folder: "RunFolder", console: "Console", ended: Callable[[], bool], reader: "EventReader | None" = None
) -> None:
    """Show a run until it has ended: a live frame on a terminal; elsewhere plain lines, from where `reader` stands."""
    if console.is_terminal:
        _show_frames(folder, console, ended)
    else:
        _show_lines(folder, console, ended, reader or EventReader(folder.events))


def _show_frames(folder: "RunFolder", console: "Console", ended: Callable[[], bool]) -> None:
    from core.feed.feed import RunFeed
    from prusc_tui.cli.live import LivePicture
    from prusc_tui.report.frame import frame

    feed, last, drawn = RunFeed(folder), None, 0.0
    with LivePicture(console) as picture:
        room = picture.room
        while True:
            over = ended()
            snapshot, now = feed.poll(), time.time()
            # The clock ticks once a second; news may come twice.
            if now - drawn >= (1 if snapshot is last else LEAST_BETWEEN) or picture.room != room:
                room = picture.room
                picture.show(frame(snapshot, now, *room))
                last, drawn = snapshot, now
            if over:
                return
            time.sleep(EVERY)


def _show_lines(folder: "RunFolder", console: "Console", ended: Callable[[], bool], reader: "EventReader") -> None:
    record = folder.record()
    head = f"{record.name} {record.id}: {record.recipe} on {record.data}, seed {record.seed}"
    console.file.write(f"{safe_text(head)}\n")
    while True:
        over = ended()
        for stamped in reader.read():
            if (line := line_of(stamped.event)) is not None:
                console.file.write(line + "\n")
        console.file.flush()
        if over:
            return
        time.sleep(EVERY)
