"""The environments of a run: composition, risk and penalty over the steps, results of the restarts."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll

from core.feed.snapshot import Snapshot
from prusc_tui.report.environments import conflicts, environments, waiting
from prusc_tui.report.frame import warning_lines
from prusc_tui.report.restarts import restarts, restarts_of
from prusc_tui.views.environments.risks import LEAST, Course, course, course_of
from prusc_tui.widgets.bars import ink, wrap
from prusc_tui.widgets.panel import Panel
from prusc_tui.widgets.picture import Picture
from prusc_tui.words import unit_of

WIDE = 112  # width from which the curves are beside the environments
LOW, HIGH = 2 * LEAST + 2, 34  # lines of the curves, at least and at most


class EnvironmentsPanel(VerticalScroll, Panel, can_focus=True):
    """Environments, conflict samples, risk and penalty over the steps, spread over restarts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]
    DEFAULT_CSS = """
    EnvironmentsPanel { padding: 1 1 0 1; scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
    EnvironmentsPanel #both Picture { margin-bottom: 1; }
    EnvironmentsPanel #both, EnvironmentsPanel #made { height: auto; width: 1fr; }
    EnvironmentsPanel.wide.curves #both { layout: horizontal; }
    EnvironmentsPanel.wide.curves #made { width: 1fr; max-width: 84; }
    EnvironmentsPanel.wide.curves #both #course { width: 1fr; margin: 0 0 0 3; }
    EnvironmentsPanel.wide.curves #restarts { margin-top: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._curves: Course | None = None
        self._room = LOW

    def compose(self) -> ComposeResult:
        with Container(id="both"):
            with Vertical(id="made"):
                yield Picture(id="makeup")
                yield Picture(id="conflicts")
                yield Picture(id="doubts")
            yield Picture(id="course")
        yield Picture(id="restarts")

    def on_resize(self) -> None:
        self.set_class(self.outer_size.width >= WIDE, "wide")
        self.call_after_refresh(self._fit)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        with self.app.batch_update():
            self._show_all(snapshot)
        self.call_after_refresh(self._fit)

    def _show_all(self, snapshot: Snapshot) -> None:
        made, missing, say = snapshot.environments, waiting(snapshot), self._picture
        say("makeup").show(
            made or missing, lambda w, _, p: environments(made, w, p) if made else wrap(ink(missing, p.muted), w)
        )
        say("conflicts").show(made, lambda w, _, p: conflicts(made, w, p) if made is not None else [])
        # Warnings of the stages that make or use environments.
        stages = {"environments", "reference", "train"}
        doubts = tuple(warned for warned in snapshot.warnings if warned.stage in stages)
        say("doubts").show(doubts, lambda w, _, p: warning_lines(doubts, w, p, len(doubts)))
        self._curves = course_of(snapshot)
        self.set_class(self._curves is not None, "curves")
        self._show_course()
        reached, unit = restarts_of(snapshot), unit_of(snapshot)
        say("restarts").show((reached, unit), lambda w, _, p: restarts(reached, w, p, unit))

    def _show_course(self) -> None:
        curves, room = self._curves, self._room
        made = self.snapshot.environments if self.snapshot is not None else None
        names = made.names if made is not None else []
        key = None if curves is None else (curves, names, room)
        self._picture("course").show(
            key, lambda w, _, p: course(curves, names, w, room, p) if curves is not None else []
        )

    def _fit(self) -> None:
        """Give the curves the remaining height, or that of the column beside them."""
        below, height = self._picture("restarts"), self.scrollable_content_region.height
        if self.has_class("wide"):
            left = height - (below.outer_size.height + 1 if below.display else 0)
            self._room = max(LOW, self.query_one("#made").size.height - 1, min(HIGH, left))
        else:
            self._room = max(LOW, min(HIGH, height))
        self._show_course()
