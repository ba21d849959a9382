"""The terminal that the app draws on: one that is gone, or takes no more output, does not hold up the program."""

import contextlib
import os
import select
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from textual.driver import Driver

    from prusc_tui.app import PruscApp

PATIENCE = 5.0
"""Seconds for the terminal to take the last output, after a signal to end."""

OUTPUT = "textual-output"
"""Name of the thread in which Textual writes to the terminal."""


def run(app: "PruscApp") -> None:
    """Run the app until its user quits, SIGHUP or SIGTERM comes or the terminal is gone; then signals do nothing."""
    app.driver_class = _forgiving(app.driver_class)
    told, tell = os.pipe()
    ended = threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        app.leave_from_outside()
        os.write(tell, b".")

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, leave)
    threading.Thread(target=_watch, args=(sys.stdin.fileno(), told, ended), name="terminal", daemon=True).start()
    try:
        app.run()
    finally:
        ended.set()
        for number in (signal.SIGHUP, signal.SIGTERM):  # what is saved now must not be cut off
            signal.signal(number, signal.SIG_IGN)


def _watch(terminal: int, told: int, ended: threading.Event) -> None:
    """Raise SIGHUP once the terminal is gone (a shell may swallow it); drop output that is not taken at the end."""
    either = select.poll()
    either.register(terminal, 0)  # reports hang-up and errors only
    either.register(told, select.POLLIN)
    if any(number == terminal and event & select.POLLHUP for number, event in either.poll()):
        os.kill(os.getpid(), signal.SIGHUP)
    elif not ended.wait(PATIENCE):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        for thread in threading.enumerate():
            if thread.name == OUTPUT and thread.ident is not None:
                signal.pthread_kill(thread.ident, signal.SIGHUP)  # interrupts a write that is under way


def _forgiving(driver: "type[Driver]") -> "type[Driver]":
    """Return the driver with input and output that never fail: its threads would end, and others wait for them."""

    class Forgiving(driver):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if (file := getattr(self, "_file", None)) is not None:
                self._file = _Output(file)

        def run_input_thread(self) -> None:
            with contextlib.suppress(OSError):
                super().run_input_thread()

    return Forgiving


class _Output:
    """A text file whose writes succeed although nobody is there to read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()
