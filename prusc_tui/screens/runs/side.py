"""The panel beside the table of runs: the run under the cursor, read once the cursor rests."""

import time
from collections.abc import Callable
from functools import partial

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.timer import Timer

from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from prusc_tui.palette import Palette
from prusc_tui.screens.runs.glance import reading, side
from prusc_tui.widgets.bars import wrap
from prusc_tui.widgets.drawing import Draw, Picture
from prusc_tui.widgets.poller import Poller, why_not
from prusc_tui.widgets.quiet import News

REST = 0.1
"""Seconds that the cursor rests on a run before its folder is read."""
PATIENCE = 0.3
"""Seconds of reading after which the panel says that it reads."""
EVERY = 0.5
"""Seconds between looks at the run's folder."""


class SidePanel(VerticalScroll, can_focus=False):
    """One run at a glance, live.

    Args:
        clock: gives the seconds since 1970.
    """

    DEFAULT_CSS = """
    SidePanel { padding: 0 1; background: $surface; scrollbar-size-vertical: 1; }
    """

    class Seen(News):
        """The run has something new to show; `generation` tells an answer for another run apart."""

        def __init__(self, generation: int, found: Snapshot | str) -> None:
            super().__init__()
            self.generation = generation
            self.found = found

    def __init__(self, clock: Callable[[], float] = time.time, id: str | None = None) -> None:
        super().__init__(id=id)
        self.snapshot: Snapshot | None = None
        self._clock = clock
        self._folder: RunFolder | None = None
        self._generation = 0
        self._answered = False
        self._poller: Poller[Snapshot] | None = None
        self._waits: list[Timer] = []

    def compose(self) -> ComposeResult:
        """One picture."""
        yield Picture("glance")

    def on_unmount(self) -> None:
        """Read no longer."""
        self._leave()

    def watch_run(self, folder: RunFolder | None, name: str = "") -> None:
        """Show another run as soon as the cursor rests on it; None shows nothing and reads nothing."""
        if folder is not None and self._folder is not None and folder.id == self._folder.id:
            return
        self._leave()
        self._folder = folder
        if folder is None:
            self.snapshot = None
            self._show(None, _nothing)
        else:
            self._waits = [
                self.set_timer(REST, self._begin),
                self.set_timer(REST + PATIENCE, partial(self._say_reading, self._generation, name)),
            ]

    def _leave(self) -> None:
        self._generation += 1
        self._answered = False
        for timer in self._waits:
            timer.stop()
        self._waits = []
        if self._poller is not None:
            self._poller.stop()
            self._poller = None

    def _begin(self) -> None:
        if self._folder is None:
            return
        generation, feed, folder = self._generation, RunFeed(self._folder, self._clock), self._folder

        def tell(found: Snapshot) -> None:
            self.post_message(self.Seen(generation, found))

        def fail(error: Exception) -> None:
            self.post_message(self.Seen(generation, why_not(error, folder.path)))

        # A stream of minutes to read must not go on being read for a run that one has left.
        self._poller = Poller(lambda: feed.poll(lambda: generation != self._generation), tell, EVERY, fail)
        self._poller.start()

    def _say_reading(self, generation: int, name: str) -> None:
        if generation == self._generation and not self._answered:
            self._show(("reading", generation), partial(reading, name))

    @on(Seen)
    def _seen(self, message: Seen) -> None:
        if message.generation != self._generation:
            return
        found, self._answered = message.found, True
        if isinstance(found, str):
            self._show(found, partial(_sentence, found))
            return
        if self.snapshot is None or self.snapshot.record.id != found.record.id:
            self.scroll_home(animate=False)
        self.snapshot = found
        self._show(found, partial(side, found))

    def _show(self, key: object, draw: Draw) -> None:
        self.query_one(Picture).show(key, draw)


def _nothing(_width: int, _palette: Palette) -> list[Text]:
    return []


def _sentence(text: str, width: int, palette: Palette) -> list[Text]:
    return wrap(Text(text, palette.bad), width)
