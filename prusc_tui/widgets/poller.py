"""A thread that polls, and reports only changes."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from core.errors import InputError

T = TypeVar("T")


class Poller(Generic[T]):
    """Polls on a daemon thread, which does not delay the exit.

    A slow call delays the next one; calls never pile up.

    Args:
        look: returns the current state; the same object if nothing changed.
        tell: called on the thread with every new object (may call `Widget.post_message`).
        every: seconds between calls.
        fail: called on the thread with an error of `look`, and polling continues; without it an error ends it.
    """

    def __init__(
        self,
        look: Callable[[], T],
        tell: Callable[[T], object],
        every: float,
        fail: Callable[[Exception], object] | None = None,
    ) -> None:
        self._look = look
        self._tell = tell
        self.every = every
        self._fail = fail
        self._last: T | None = None
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._held = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; nothing more is reported, except a report in progress."""
        self._stopped.set()
        self._wake.set()

    def hold(self) -> None:
        """Pause until `go_on`."""
        self._held = True

    def go_on(self) -> None:
        """Resume, at once."""
        self._held = False
        self._wake.set()

    def hurry(self) -> None:
        """Poll now instead of at the end of the interval."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._held:
                self._wake.wait()
                self._wake.clear()
                continue
            try:
                seen = self._look()
            except Exception as error:  # network disks may raise anything
                if self._fail is None:
                    return
                if not self._stopped.is_set():
                    self._fail(error)
            else:
                if seen is not self._last and not self._stopped.is_set():
                    self._last = seen
                    self._tell(seen)
            self._wake.wait(self.every)
            self._wake.clear()


def why_not(error: Exception, path: Path) -> str:
    """Error message that names the file or folder."""
    return str(error) if isinstance(error, InputError) else f"{path}: cannot be read ({error})"
