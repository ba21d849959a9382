"""One run: a line of state and progress, a line of views, and the view in front."""

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.timer import Timer
from textual.widget import Widget

from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from core.runs.record import ACTIVE
from core.runs.text import safe_text
from core.words import duration
from experiments.launchers import settle
from prusc_tui.keymap import KEYS
from prusc_tui.keys import bindings
from prusc_tui.navigation import RunEnded
from prusc_tui.palette import MARKS, palette_in
from prusc_tui.screens.following import Views
from prusc_tui.screens.life import Life
from prusc_tui.views import View, views
from prusc_tui.widgets.tabs import Tab

EVERY = 0.25
"""Seconds between readings of the run's folder."""


def _tabs(offered: Sequence[View]) -> tuple[Tab, ...]:
    return tuple(Tab(view.key.keys, view.name, view.short) for view in offered)


class RunScreen(Views, Life):
    """A run, active or not."""

    BINDINGS = bindings(key for key in KEYS if key.area == "run") + bindings("life")
    TABS: ClassVar[tuple[Tab, ...]] = _tabs(views())
    seen: Snapshot | None = None

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.time) -> None:
        super().__init__(self._look, EVERY, folder.path)
        self._feed = RunFeed(folder, clock)
        self.folder = folder
        self._clock = clock
        self._ticking: Timer | None = None

    def _look(self) -> Snapshot:
        snapshot = self._feed.poll()
        if snapshot.record.job:
            settle(self.folder.home, [snapshot.record.summary()])
        return snapshot

    def on_mount(self) -> None:
        self._ticking = self.set_interval(1.0, self.draw_head, pause=True)

    def acted(self) -> None:
        self._poller.hurry()

    def life_targets(self) -> list[RunFolder]:
        return [self.folder]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "view" or parameters[0] in self._names

    async def action_turn(self, by: int) -> None:
        names = self._names
        await self.action_view(names[(names.index(self.shown) + by) % len(names)])

    async def take(self, state: Snapshot) -> None:
        self.line.offer(_tabs([view for view in views() if view.shows(state)]))
        if self.seen is not None and self.seen.status in ACTIVE and state.status not in ACTIVE:
            self.post_message(RunEnded(state.record))
        await super().take(state)

    async def show(self) -> None:
        if self.seen is None:
            return
        if self._ticking is not None:
            ticks = self.seen.status == "running" and self.is_current
            (self._ticking.resume if ticks else self._ticking.pause)()
        if self.front is not None:
            self.front.show(self.seen)

    def build(self, name: str) -> Widget:
        return next(view for view in views() if view.name == name).open(self.folder, self._clock)

    def on_screen_suspend(self) -> None:
        if self._ticking is not None:
            self._ticking.pause()

    def on_screen_resume(self) -> None:
        self.call_next(self.show)

    @property
    def _names(self) -> list[str]:
        """Names of the views that apply to the run."""
        return [tab.name for tab in self.line.tabs]

    def head(self) -> Text:
        snapshot, palette = self.seen, palette_in(self.app)
        if snapshot is None:
            return Text()
        record, running = snapshot.record, snapshot.status == "running"
        elapsed = snapshot.elapsed + (max(0.0, self._clock() - snapshot.taken) if running else 0.0)
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(f"{MARKS[snapshot.status]} {snapshot.status}", f"bold {palette.of_state(snapshot.status)}")
        head.append("  ").append(safe_text(record.name), f"bold {palette.text}")
        facts = [
            f"{record.recipe} on {record.data}",
            f"seed {record.seed}",
            record.device or "no device yet",
            record.id,
        ]
        head.append(f"  {duration(elapsed)}  ", palette.text).append(" · ".join(map(safe_text, facts)), palette.muted)
        if record.reason:
            head.append(f"  {safe_text(record.reason)}", palette.bad)
        return head
