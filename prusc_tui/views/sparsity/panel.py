"""Worst group and average against the share of weights kept, of one run."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from core.feed.snapshot import Snapshot
from core.results.sparsity import curves_of, points_of
from prusc_tui.report.sparsity import sparsity
from prusc_tui.widgets.panel import Panel
from prusc_tui.widgets.picture import Picture


class SparsityPanel(VerticalScroll, Panel, can_focus=True):
    """Charts, tables and sentences; they grow point by point while the run works."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]
    DEFAULT_CSS = """
    SparsityPanel { padding: 1 1 0 1; scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
    """

    def compose(self) -> ComposeResult:
        yield Picture()

    def on_resize(self) -> None:
        self.query_one(Picture).give_room(self.scrollable_content_region.height)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        points = points_of(snapshot.outcomes)
        found = curves_of([(snapshot.record, points)])
        self.query_one(Picture).show(
            (points, snapshot.status), lambda w, h, p: [] if found is None else sparsity(found, w, p, h)
        )
