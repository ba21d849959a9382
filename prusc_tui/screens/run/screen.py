"""One run: a line of state and progress, a line of views, and the view in front."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.timer import Timer
from textual.widgets import ContentSwitcher, Static

from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from core.runs.text import safe_text
from core.words import duration
from prusc_tui.keymap import KEYS
from prusc_tui.keys import bindings
from prusc_tui.palette import MARKS, Palette, palette_in
from prusc_tui.screens.following import Views
from prusc_tui.screens.life import Life
from prusc_tui.views import View, views
from prusc_tui.widgets.panel import Panel
from prusc_tui.widgets.poller import Poller, why_not
from prusc_tui.widgets.quiet import News
from prusc_tui.widgets.tabs import Tab, ViewLine

EVERY = 0.25
"""Seconds between readings of the run's folder."""


def _tabs(offered: Sequence[View]) -> tuple[Tab, ...]:
    return tuple(Tab(str(view.place), view.name, view.short) for view in offered)


class RunScreen(Views, Life):
    """A run, active or not.

    Args:
        folder: of the run.
        clock: returns the seconds since 1970.
        feed: of the run; None reads the folder.
    """

    BINDINGS = bindings(key for key in KEYS if key.area == "run") + bindings("life")
    TABS: ClassVar[tuple[Tab, ...]] = _tabs(views())

    @dataclass
    class Seen(News):
        """The run has new data."""

        snapshot: Snapshot

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.time, feed: RunFeed | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.snapshot: Snapshot | None = None
        self._clock = clock
        self._feed = feed or RunFeed(folder, clock)
        self._poller = Poller(
            self._feed.poll,
            lambda seen: self.post_message(self.Seen(seen)),
            EVERY,
            lambda error: self.post_message(self.Unreadable(why_not(error, folder.path))),
        )
        self._panels: dict[str | None, Panel] = {}
        self._ticking: Timer | None = None

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_head())
        self._ticking = self.set_interval(1.0, self._draw_head, pause=True)

    def life_changed(self) -> None:
        self._poller.hurry()

    def life_targets(self) -> list[RunFolder]:
        return [self.folder]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "view" or parameters[0] in self._names

    async def action_turn(self, by: int) -> None:
        names = self._names
        await self.action_view(names[(names.index(self.shown) + by) % len(names)])

    @on(Seen)
    async def _seen(self, message: Seen) -> None:
        first = self.snapshot is None
        self.snapshot = message.snapshot
        self.query_one(ViewLine).offer(_tabs([view for view in views() if view.shows(message.snapshot)]))
        self._failure = ""
        self._draw_head()
        self._tick()
        if first:
            await self._bring(self.shown)
        elif (panel := self._in_front()) is not None:
            panel.show(message.snapshot)

    def on_screen_suspend(self) -> None:
        if self._ticking is not None:
            self._ticking.pause()

    def on_screen_resume(self) -> None:
        if self.snapshot is not None:
            self._tick()
            if (panel := self._in_front()) is not None:
                panel.show(self.snapshot)

    @property
    def _names(self) -> list[str]:
        """Names of the views that apply to the run."""
        return [tab.name for line in self.query(ViewLine) for tab in line.tabs]

    def _tick(self) -> None:
        if self._ticking is not None and self.snapshot is not None:
            if self.snapshot.status == "running" and self.is_current:
                self._ticking.resume()
            else:
                self._ticking.pause()

    def _in_front(self) -> Panel | None:
        return self._panels.get(self.query_one(ContentSwitcher).current)

    async def _bring(self, name: str) -> None:
        if self.snapshot is None:
            return
        switcher = self.query_one(ContentSwitcher)
        id = f"view-{name}"
        if id not in self._panels:
            view = next(view for view in views() if view.name == name)
            panel = self._panels[id] = view.open(self.folder, self._clock)
            panel.id = id
            await switcher.mount(panel)
        switcher.current = id
        self._panels[id].show(self.snapshot)
        self._give_keys(self._panels[id])

    def _draw_head(self) -> None:
        if self.snapshot is not None:
            head = _head(self.snapshot, self._clock(), palette_in(self.app))
            # Its size stays, so nothing else is laid out or sent again.
            self.query_one("#head", Static).update(head, layout=False)


def _head(snapshot: Snapshot, now: float, palette: Palette) -> Text:
    record = snapshot.record
    elapsed = snapshot.elapsed + (max(0.0, now - snapshot.taken) if snapshot.status == "running" else 0.0)
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(f"{MARKS[snapshot.status]} {snapshot.status}", f"bold {palette.of_state(snapshot.status)}")
    head.append("  ").append(safe_text(record.name), f"bold {palette.text}")
    facts = [f"{record.recipe} on {record.data}", f"seed {record.seed}", record.device or "no device yet", record.id]
    head.append(f"  {duration(elapsed)}  ", palette.text).append(" · ".join(map(safe_text, facts)), palette.muted)
    if record.reason:
        head.append(f"  {safe_text(record.reason)}", palette.bad)
    return head
