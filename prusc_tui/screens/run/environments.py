"""The environments of a run: who is in which, how risk and penalty go, and what the restarts reach."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll

from core.runs.snapshot import Snapshot
from prusc_tui.draw.bars import ink, wrap
from prusc_tui.draw.environments import conflicts, environments, waiting
from prusc_tui.draw.overview import alarms
from prusc_tui.draw.restarts import restarts, restarts_of
from prusc_tui.draw.risks import LEAST, course, course_of
from prusc_tui.palette import Palette
from prusc_tui.widgets.drawing import Drawing

WIDE = 112
"""Cells from which the curves stand beside the environments."""
LOW, HIGH = 2 * LEAST + 2, 34
"""Lines of the curves: at least, and at most where there is room to spare."""

Draw = Callable[[int, int, Palette], list[Text]]
"""Lines for a width, about as many as the height says."""


class Part(Drawing):
    """A part of the panel; it keeps still while what it stands for does."""

    DEFAULT_CSS = "Part { height: auto; width: 1fr; display: none; }"

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._key: object = None
        self._draw: Draw | None = None

    def show(self, key: object, draw: Draw | None) -> None:
        """Draw what `key` stands for; nothing without a function."""
        if key == self._key and (draw is None) == (self._draw is None):
            return
        self._key, self._draw = key, draw
        self.display = draw is not None
        self.touch()

    def give(self, room: int) -> None:
        """Say how many lines there are for it."""
        if room != self.room:
            self.room = room
            if self._draw is not None:
                self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:
        """The lines."""
        return [] if self._draw is None else self._draw(width, height, palette)


class EnvironmentsPanel(VerticalScroll, can_focus=True):
    """Environments, conflict samples, risk and penalty over the steps, spread over restarts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]
    DEFAULT_CSS = """
    EnvironmentsPanel { padding: 1 1 0 1; scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
    EnvironmentsPanel #both Part { margin-bottom: 1; }
    EnvironmentsPanel #both, EnvironmentsPanel #made { height: auto; width: 1fr; }
    EnvironmentsPanel.wide.curves #both { layout: horizontal; }
    EnvironmentsPanel.wide.curves #made { width: 1fr; max-width: 84; }
    EnvironmentsPanel.wide.curves #both #course { width: 1fr; margin: 0 0 0 3; }
    EnvironmentsPanel.wide.curves #restarts { margin-top: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None

    def compose(self) -> ComposeResult:
        """What was made and the alarms; the curves beside or below; the restarts."""
        with Container(id="both"):
            with Vertical(id="made"):
                yield Part("makeup")
                yield Part("conflicts")
                yield Part("doubts")
            yield Part("course")
        yield Part("restarts")

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; cheap where nothing is."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        if self.is_mounted:
            with self.app.batch_update():
                self._show(snapshot)
            self.call_after_refresh(self._fit)

    def on_mount(self) -> None:
        """Show what came before there was a place for it."""
        if self._snapshot is not None:
            self._show(self._snapshot)

    def on_resize(self) -> None:
        """Take the layout for the size."""
        self.set_class(self.outer_size.width >= WIDE, "wide")
        self.call_after_refresh(self._fit)

    def _part(self, name: str) -> Part:
        return self.query_one(f"#{name}", Part)

    def _show(self, snapshot: Snapshot) -> None:
        made, missing = snapshot.environments, waiting(snapshot)
        if made is None:
            self._part("makeup").show(missing, lambda w, _h, p: wrap(ink(missing, p.muted), w))
        else:
            self._part("makeup").show(made, lambda w, _h, p: environments(made, w, p))
        found = made is not None and "found" in made.conflicts
        self._part("conflicts").show(
            made, (lambda w, _h, p: conflicts(made, w, p)) if made is not None and found else None
        )
        self._show_doubts(snapshot)
        names = made.names if made is not None else []
        curves = course_of(snapshot)
        self.set_class(curves is not None, "curves")
        self._part("course").show(
            (curves, names), (lambda w, h, p: course(curves, names, w, h, p)) if curves is not None else None
        )
        reached = restarts_of(snapshot)
        self._part("restarts").show(reached, (lambda w, _h, p: restarts(reached, w, p)) if reached else None)

    def _show_doubts(self, snapshot: Snapshot) -> None:
        """The alarms of the stages that make and use the environments."""
        stages = {"environments", "reference", "train"}
        doubts = tuple(warned for warned in snapshot.warnings if warned.stage in stages)
        self._part("doubts").show(doubts, (lambda w, _h, p: alarms(doubts, w, p, len(doubts))) if doubts else None)

    def _fit(self) -> None:
        """Give the curves the height that is left, or as much as what stands beside them."""
        below, height = self._part("restarts"), self.scrollable_content_region.height
        if self.has_class("wide"):
            left = height - (below.outer_size.height + 1 if below.display else 0)
            room = max(LOW, self.query_one("#made").size.height - 1, min(HIGH, left))
        else:
            room = max(LOW, min(HIGH, height))
        self._part("course").give(room)
