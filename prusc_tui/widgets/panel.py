"""Base of all panels: shows the newest snapshot once mounted, and reads slow data on threads."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.containers import VerticalScroll
from textual.message_pump import MessagePump
from textual.widget import Widget

from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from core.runs.text import safe_text
from prusc_tui.widgets.picture import Picture

T = TypeVar("T")


class Question(Generic[T]):
    """One request of a `Reading`; only the newest is answered."""

    def __init__(self, reading: "Reading[T]") -> None:
        self._reading = reading

    @property
    def stale(self) -> bool:
        return self._reading.question is not self

    def answer(self, found: T) -> bool:
        """Send an answer, from any thread and any number of times; False if it is no longer wanted."""
        return not self.stale and self._reading.owner.call_later(self._give, found)

    def _give(self, found: T) -> object:
        return None if self.stale else self._reading.take(found)


class Reading(Generic[T]):
    """Reads on a daemon thread, and drops all answers but that to the newest request.

    Args:
        owner: widget or screen whose event loop takes the answers, until it is removed.
        take: called there with the answer; may be a coroutine function.
    """

    def __init__(self, owner: MessagePump, take: Callable[[T], object]) -> None:
        self.owner = owner
        self.take = take
        self.question: Question[T] | None = None

    def ask(self, read: Callable[[], T]) -> None:
        """Call `read` on a thread, and take its result."""
        question = self.begin()
        threading.Thread(target=self._work, args=(read, question), name="reading", daemon=True).start()

    def begin(self) -> Question[T]:
        """Open a request that the caller answers."""
        self.question = Question(self)
        return self.question

    def forget(self) -> None:
        self.question = None

    def _work(self, read: Callable[[], T], question: Question[T]) -> None:
        try:
            found = read()
        except Exception as error:  # a traceback would be printed over the screen
            self.owner.call_later(self._fail, question, error)
        else:
            question.answer(found)

    def _fail(self, question: Question[T], error: Exception) -> None:
        if not question.stale:
            sentence = safe_text(f"cannot be read ({type(error).__name__}: {error})")
            self.owner.app.notify(sentence, severity="error", markup=False)


class Panel(Widget):
    """A view of a run; subclasses implement `show_snapshot`, and list this base last.

    Attributes:
        folder: of the run; to be read off the event loop.
        clock: returns the seconds since 1970.
    """

    folder: RunFolder
    clock: Callable[[], float]
    snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Take a new snapshot, and show it once mounted; cheap if it is the same."""
        if snapshot is not self.snapshot:
            self.snapshot = snapshot
            if self.is_mounted:
                self.show_snapshot(snapshot)

    def on_mount(self) -> None:
        if self.snapshot is not None:
            self.show_snapshot(self.snapshot)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show a new snapshot."""
        raise NotImplementedError

    def watch_has_focus(self, _has_focus: bool) -> None:
        """Keep the styles: a panel that has the keys looks as it did, and it may hold dozens of widgets."""

    def _picture(self, name: str) -> Picture:
        return self.query_one(f"#{name}", Picture)


class Scroll(VerticalScroll, can_focus=False):
    """Scrolls by mouse and by the keys of its panel."""
