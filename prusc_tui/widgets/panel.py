"""What every panel does: show the newest snapshot once there is a place for it, read what is slow on a thread."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.containers import VerticalScroll
from textual.message_pump import MessagePump
from textual.widget import Widget

from core.feed.snapshot import Snapshot
from core.runs.text import safe_text
from prusc_tui.widgets.picture import Picture

T = TypeVar("T")


class Question(Generic[T]):
    """One question of a `Reading`; only the newest one is answered."""

    def __init__(self, reading: "Reading[T]") -> None:
        self._reading = reading

    @property
    def stale(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._reading.question is not self

    def answer(self, found: T) -> bool:
        """Give an answer, from any thread and any number of times; False when nobody waits for it."""
        return not self.stale and self._reading.owner.call_later(self._give, found)

    def _give(self, found: T) -> object:
        return None if self.stale else self._reading.take(found)


class Reading(Generic[T]):
    """Reads on a daemon thread, which no exit has to wait for, and drops the answer to every question but the newest.

    Args:
        owner: the widget or screen on whose event loop answers are taken; no answer reaches it once it is gone.
        take: is called there with the answer; it may be a coroutine function.
    """

    def __init__(self, owner: MessagePump, take: Callable[[T], object]) -> None:
        self.owner = owner
        self.take = take
        self.question: Question[T] | None = None

    def ask(self, read: Callable[[], T]) -> None:
        """Call `read` on a thread, and take what it returns."""
        question = self.begin()
        threading.Thread(target=self._work, args=(read, question), name="reading", daemon=True).start()

    def begin(self) -> Question[T]:
        """A question that the caller answers."""
        self.question = Question(self)
        return self.question

    def forget(self) -> None:
        """Take no answer to what was asked."""
        self.question = None

    def _work(self, read: Callable[[], T], question: Question[T]) -> None:
        try:
            found = read()
        except Exception as error:  # a traceback would be printed into the picture
            self.owner.call_later(self._fail, question, error)
        else:
            question.answer(found)

    def _fail(self, question: Question[T], error: Exception) -> None:
        if not question.stale:
            sentence = safe_text(f"cannot be read ({type(error).__name__}: {error})")
            self.owner.app.notify(sentence, severity="error", markup=False)


class Panel(Widget):
    """A view of a run; a subclass says how it shows a snapshot, and names this base after any other widget."""

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

    def _picture(self, name: str) -> Picture:
        return self.query_one(f"#{name}", Picture)


class Scroll(VerticalScroll, can_focus=False):
    """Scrolls by mouse and by the keys of its panel."""
