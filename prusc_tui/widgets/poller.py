"""A thread that looks at something again and again, and tells only of what is new."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from core.errors import InputError

T = TypeVar("T")


class Poller(Generic[T]):
    """Looks on a daemon thread, which no exit has to wait for.

    A look that takes longer than the interval makes the next one later; looks never pile up.

    Args:
        look: returns what is there now; the very same object where nothing changed.
        tell: is called on the thread with every new object (`Widget.post_message` may be called there).
        every: seconds between looks.
        fail: is called on the thread with an error of `look`, and the looking goes on; without it an error ends it.
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
        """Begin to look, at once."""
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; nothing is told from here on, apart from what is being told right now."""
        self._stopped.set()
        self._wake.set()

    def hold(self) -> None:
        """Look no more until `go_on`: nobody sees it."""
        self._held = True

    def go_on(self) -> None:
        """Look again, at once."""
        self._held = False
        self._wake.set()

    def hurry(self) -> None:
        """Look now instead of at the end of the interval."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._held:
                self._wake.wait()
                self._wake.clear()
                continue
            try:
                seen = self._look()
            except Exception as error:  # whatever a folder on a network disk comes up with
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
    """Why a look came to nothing, in a sentence that names the file or folder."""
    return str(error) if isinstance(error, InputError) else f"{path}: cannot be read ({error})"
