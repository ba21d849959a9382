"""A run at a glance: stages, groups before and after, losses, weights, checkpoints, machine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.timer import Timer

from core.feed.snapshot import Snapshot
from core.runs.alive import this_host
from prusc_tui.palette import SHELL
from prusc_tui.report.frame import WIDE, age, harm_lines, parts, reason, warning_lines
from prusc_tui.report.groups import groups
from prusc_tui.report.pipeline import pipeline
from prusc_tui.report.results import headline, results
from prusc_tui.views.overview.machine import elsewhere, machine
from prusc_tui.widgets.bars import ink, wrap
from prusc_tui.widgets.panel import Panel
from prusc_tui.widgets.picture import Picture
from prusc_tui.widgets.poller import Poller
from prusc_tui.widgets.quiet import News

if TYPE_CHECKING:
    from core.machine import Machine

PICTURES = (
    "cell",
    "alarms",
    "notes",
    "restarts",
    "losses",
    "weights",
    "environments",
    "pseudo-groups",
    "checkpoints",
    "machine",
    "knowledge",
)
"""Ids of the pictures beside or below the groups."""
MACHINE_EVERY = 2.0  # seconds between readings of the machine


class OverviewPanel(VerticalScroll, Panel):
    """The overview of a run."""

    DEFAULT_CSS = """
    OverviewPanel { padding: 1 1 0 1; scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
    OverviewPanel Picture { margin-bottom: 1; }
    OverviewPanel #body, OverviewPanel #left, OverviewPanel #right { height: auto; width: 1fr; }
    OverviewPanel.wide #body { layout: horizontal; }
    OverviewPanel.wide #left { width: 2fr; }
    OverviewPanel.wide #right { width: 1fr; min-width: 44; max-width: 64; margin-left: 3; }
    """
    AUTO_FOCUS: ClassVar[str | None] = None

    @dataclass
    class Measured(News):
        """A new reading of the machine."""

        machine: "Machine"

    def __init__(self) -> None:
        super().__init__()
        self._ticking: Timer | None = None
        self._watching: Poller[Machine] | None = None

    def compose(self) -> ComposeResult:
        yield Picture(id="harm")
        yield Picture(id="stages")
        with Container(id="body"):
            with Vertical(id="left"):
                yield Picture(id="groups")
            with Vertical(id="right"):
                for name in PICTURES:
                    yield Picture(id=name)

    def show(self, snapshot: Snapshot) -> None:
        super().show(snapshot)
        if self.is_mounted:
            # The same snapshot may return after another screen was in front.
            self._follow()

    def on_mount(self) -> None:
        self._ticking = self.set_interval(1.0, self._tick, pause=True)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        with self.app.batch_update():
            self._show_all(snapshot)
        self._follow()

    def on_resize(self) -> None:
        self.set_class(self.outer_size.width >= WIDE, "wide")
        # The layout of the groups also depends on the height.
        if self.snapshot is not None:
            self._show_groups(self.snapshot)

    def on_show(self) -> None:
        self._follow()

    def on_hide(self) -> None:
        self._follow(seen=False)

    def on_unmount(self) -> None:
        self._watch_machine(False)

    @on(Measured)
    def _measured(self, message: Measured) -> None:
        message.stop()
        if self._watching is not None:
            reading = message.machine
            self._picture("machine").show(reading, lambda w, _, p: machine(reading, w, p))

    @property
    def _at_work(self) -> bool:
        return self.snapshot is not None and self.snapshot.status == "running"

    def _show_all(self, snapshot: Snapshot) -> None:
        record, said = snapshot.record, headline(snapshot)
        warnings = tuple(warned for warned in snapshot.warnings if warned not in said)
        self._picture("harm").show(said, lambda w, _, p: harm_lines(said, w, p))
        self._show_stages(snapshot)
        self._show_groups(snapshot)
        if not self._at_work:
            self._picture("machine").show("", lambda *_: [])
        self._picture("alarms").show(
            (record.reason, warnings),
            lambda w, _, p: [*reason(record, w, p), *warning_lines(warnings, w, p, len(warnings))],
        )
        for part in parts(snapshot, rows=2):
            if part.name in PICTURES:
                self._picture(part.name).show(part.shown, part.draw)

    def _show_stages(self, snapshot: Snapshot) -> None:
        ago = age(snapshot, self.clock())
        # In whole seconds, as the clock ticks.
        self._picture("stages").show((snapshot.stages, int(ago)), lambda w, _, p: pipeline(snapshot.stages, w, p, ago))

    def _show_groups(self, snapshot: Snapshot) -> None:
        found = results(snapshot)
        width = self.scrollable_content_region.width
        said = harm_lines(headline(snapshot), max(1, width), SHELL)
        above = len(pipeline(snapshot.stages, max(1, width), SHELL)) + 1 + (len(said) + 1 if said else 0)
        room = max(1, self.scrollable_content_region.height - above)
        if not found:
            text = "Accuracy by group appears after the first evaluation."
            self._picture("groups").show(text, lambda w, _, p: wrap(ink(text, p.muted), w))
            return
        self._picture("groups").show((found, room), lambda w, _, p: groups(found, w, p, room))

    def _tick(self) -> None:
        if self.snapshot is not None and self.screen.is_active:
            self._show_stages(self.snapshot)
        self._follow()

    def _follow(self, seen: bool = True) -> None:
        """Tick and read the machine only while the panel is visible and the run is active."""
        live = seen and self._at_work and self.is_attached and self.is_on_screen
        if self._ticking is not None:
            if live:
                self._ticking.resume()
            else:
                self._ticking.pause()
        self._watch_machine(live and self.screen.is_active)

    def _watch_machine(self, wanted: bool) -> None:
        host = self.snapshot.record.host if self.snapshot is not None else None
        if wanted and host is not None and host != this_host():
            self._picture("machine").show(host, lambda w, _, p: elsewhere(host, w, p))
        elif wanted and self._watching is None:
            from core.machine import Monitor

            monitor, pid = Monitor(), self.snapshot.record.pid if self.snapshot is not None else None
            self._watching = Poller(
                lambda: monitor.read(pid), lambda seen: self.post_message(self.Measured(seen)), MACHINE_EVERY
            )
            self._watching.start()
        elif not wanted and self._watching is not None:
            self._watching.stop()
            self._watching = None
