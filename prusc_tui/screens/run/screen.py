"""One run: a line that says what and how far, a line of views, and the view itself."""

import time
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from core.errors import InputError
from core.runs.feed import RunFeed
from core.runs.folder import RunFolder
from core.runs.snapshot import Snapshot
from core.runs.text import safe_text
from prusc_tui.keys import bindings
from prusc_tui.palette import MARKS, Palette
from prusc_tui.screens.life import Life
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.tabs import ViewLine
from prusc_tui.words import duration
from prusc_tui.work.poller import Poller

EVERY = 0.25
"""Seconds between looks at the run's folder."""


class Panel(Protocol):
    """A view of a run."""

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; cheap where nothing is."""
        ...


def _overview(folder: RunFolder, clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.overview import OverviewPanel

    return OverviewPanel(folder, clock)


def _charts(_folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.charts import ChartsPanel

    return ChartsPanel()


def _clusters(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.clusters import ClustersPanel

    return ClustersPanel(folder)


def _masks(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.masks import MasksPanel

    return MasksPanel(folder)


def _environments(_folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.environments import EnvironmentsPanel

    return EnvironmentsPanel()


def _config(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.config import ConfigPanel

    return ConfigPanel(folder)


def _log(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.log import LogPanel

    return LogPanel(folder)


def _artifacts(folder: RunFolder, _clock: Callable[[], float]) -> Widget:
    from prusc_tui.screens.run.artifacts import ArtifactsPanel

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


class RunScreen(Life):
    """A run, live or past.

    Args:
        folder: where the run is.
        clock: gives the seconds since 1970.
        feed: follows the run; None reads the folder.
    """

    BINDINGS = bindings("run") + bindings("life")
    DEFAULT_CSS = """
    RunScreen #head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    RunScreen ContentSwitcher { height: 1fr; }
    RunScreen ContentSwitcher > * { height: 100%; width: 100%; }
    RunScreen #reading { padding: 1 2; color: $foreground-muted; }
    """
    AUTO_FOCUS: ClassVar[str | None] = None

    class Seen(Message):
        """The run has something new to show."""

        def __init__(self, snapshot: Snapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, RunScreen.Seen)

    class Unreadable(Message):
        """The run cannot be read."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.time, feed: RunFeed | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.snapshot: Snapshot | None = None
        self._clock = clock
        self._feed = feed or RunFeed(folder, clock)
        self._poller = Poller(
            self._feed.poll, lambda seen: self.post_message(self.Seen(seen)), EVERY, lambda e: self._fail(e)
        )
        self._failure = ""
        self._panels: dict[str | None, Widget] = {}
        self._ticking: Timer | None = None

    def compose(self) -> ComposeResult:
        """Head, views, the view in front."""
        yield Static(id="head")
        yield ViewLine(tuple(_VIEWS), "overview")
        with ContentSwitcher(initial="reading"):
            yield Static("reading …", id="reading")
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin to follow the run."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_head())
        self._ticking = self.set_interval(1.0, self._draw_head, pause=True)
        self._poller.start()

    def on_unmount(self) -> None:
        """Follow it no longer."""
        self._poller.stop()

    def life_changed(self) -> None:
        """Look at once: a key has done something to the run."""
        self._poller.hurry()

    def life_targets(self) -> list[RunFolder]:
        """The keys that change a run's life are for this run."""
        return [self.folder]

    async def action_view(self, name: str) -> None:
        """Bring a view to the front."""
        self.query_one(ViewLine).show(name)
        await self._bring(name)

    async def action_turn(self, by: int) -> None:
        """Bring the next or the previous view to the front."""
        names = list(_VIEWS)
        await self.action_view(names[(names.index(self.query_one(ViewLine).shown) + by) % len(names)])

    async def action_back(self) -> None:
        """Back to where one came from."""
        self.dismiss()

    @on(ViewLine.Chosen)
    async def _chosen(self, message: ViewLine.Chosen) -> None:
        await self.action_view(message.name)

    @on(Seen)
    async def _seen(self, message: Seen) -> None:
        first = self.snapshot is None
        self.snapshot = message.snapshot
        self._failure = ""
        self._draw_head()
        self._tick()
        if first:
            await self._bring(self.query_one(ViewLine).shown)
        elif (panel := self._in_front()) is not None:
            panel.show(message.snapshot)

    @on(Unreadable)
    def _unreadable(self, message: Unreadable) -> None:
        if message.why != self._failure:
            self._failure = message.why
            self.notify(message.why, severity="error", markup=False)

    def on_screen_suspend(self) -> None:
        """Rest while another screen is in front: what a covered screen draws is sent all the same."""
        self._poller.hold()
        if self._ticking is not None:
            self._ticking.pause()

    def on_screen_resume(self) -> None:
        """Show what came while another screen was in front."""
        self._poller.go_on()
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

    def _fail(self, error: Exception) -> None:
        why = str(error) if isinstance(error, InputError) else f"{self.folder.path}: cannot be read ({error})"
        self.post_message(self.Unreadable(why))

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
        _focus_first(self, self._panels[id])

    def _draw_head(self) -> None:
        if self.snapshot is not None:
            palette: Palette = self.app.palette  # type: ignore[attr-defined]
            head = _head(self.snapshot, self._clock(), palette)
            # Its place stays, so nothing else has to be laid out or sent again.
            self.query_one("#head", Static).update(head, layout=False)


def _focus_first(screen: Screen[None], view: Widget) -> None:
    """Give the keys to the view: to itself, or to the first thing in it that takes them."""
    target = view if view.can_focus else next((w for w in view.query("*") if w.focusable), None)
    screen.set_focus(target)


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
