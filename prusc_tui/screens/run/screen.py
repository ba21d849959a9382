"""One run: a line that says what and how far, a line of views, and the view itself."""

import time
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol, cast

from rich.text import Text
from textual import on
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from core.runs.text import safe_text
from core.words import duration
from prusc_tui.keys import bindings
from prusc_tui.palette import MARKS, Palette, palette_in
from prusc_tui.screens.following import Views
from prusc_tui.screens.life import Life
from prusc_tui.widgets.poller import Poller, why_not
from prusc_tui.widgets.quiet import News

EVERY = 0.25
"""Seconds between looks at the run's folder."""


class Panel(Protocol):
    """A view of a run."""

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; cheap where nothing is."""
        ...


def _overview(folder: RunFolder, clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.overview.panel import OverviewPanel

    return OverviewPanel(folder, clock)


def _charts(_folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.charts.panel import ChartsPanel

    return ChartsPanel()


def _clusters(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.clusters.panel import ClustersPanel

    return ClustersPanel(folder)


def _masks(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.masks.panel import MasksPanel

    return MasksPanel(folder)


def _environments(_folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.environments.panel import EnvironmentsPanel

    return EnvironmentsPanel()


def _config(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.config.panel import ConfigPanel

    return ConfigPanel(folder)


def _log(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.log.panel import LogPanel

    return LogPanel(folder)


def _artifacts(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.views.artifacts.panel import ArtifactsPanel

    return ArtifactsPanel(folder)


# A view is imported and built when it is first looked at.
_VIEWS: Mapping[str, Callable[[RunFolder, Callable[[], float]], Widget]] = {
    "overview": _overview,
    "charts": _charts,
    "clusters": _clusters,
    "masks": _masks,
    "environments": _environments,
    "config": _config,
    "log": _log,
    "artifacts": _artifacts,
}


class RunScreen(Views, Life):
    """A run, live or past.

    Args:
        folder: where the run is.
        clock: gives the seconds since 1970.
        feed: follows the run; None reads the folder.
    """

    BINDINGS = bindings("run") + bindings("life")
    NAMES: ClassVar[tuple[str, ...]] = tuple(_VIEWS)

    class Seen(News):
        """The run has something new to show."""

        def __init__(self, snapshot: Snapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

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
        self._panels: dict[str | None, Widget] = {}
        self._ticking: Timer | None = None

    def on_mount(self) -> None:
        """Follow the theme and the clock."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_head())
        self._ticking = self.set_interval(1.0, self._draw_head, pause=True)

    def life_changed(self) -> None:
        """Look at once: a key has done something to the run."""
        self._poller.hurry()

    def life_targets(self) -> list[RunFolder]:
        """The keys that change a run's life are for this run."""
        return [self.folder]

    async def action_turn(self, by: int) -> None:
        """Bring the next or the previous view to the front."""
        names = list(_VIEWS)
        await self.action_view(names[(names.index(self.shown) + by) % len(names)])

    @on(Seen)
    async def _seen(self, message: Seen) -> None:
        first = self.snapshot is None
        self.snapshot = message.snapshot
        self._failure = ""
        self._draw_head()
        self._tick()
        if first:
            await self._bring(self.shown)
        elif (panel := self._in_front()) is not None:
            panel.show(message.snapshot)

    def on_screen_suspend(self) -> None:
        """Rest while another screen is in front."""
        if self._ticking is not None:
            self._ticking.pause()

    def on_screen_resume(self) -> None:
        """Show what came while another screen was in front."""
        if self.snapshot is not None:
            self._tick()
            if (panel := self._in_front()) is not None:
                panel.show(self.snapshot)

    def _tick(self) -> None:
        if self._ticking is not None and self.snapshot is not None:
            if self.snapshot.status == "running" and self.is_current:
                self._ticking.resume()
            else:
                self._ticking.pause()

    def _in_front(self) -> Panel | None:
        current = self.query_one(ContentSwitcher).current
        return cast(Panel, self._panels[current]) if current in self._panels else None

    async def _bring(self, name: str) -> None:
        if self.snapshot is None:
            return
        switcher = self.query_one(ContentSwitcher)
        id = f"view-{name}"
        if id not in self._panels:
            panel = self._panels[id] = _VIEWS[name](self.folder, self._clock)
            panel.id = id
            await switcher.mount(panel)
        switcher.current = id
        cast(Panel, self._panels[id]).show(self.snapshot)
        self._give_keys(self._panels[id])

    def _draw_head(self) -> None:
        if self.snapshot is not None:
            head = _head(self.snapshot, self._clock(), palette_in(self.app))
            # Its place stays, so nothing else has to be laid out or sent again.
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
