"""The settings of a run: changed ones first, all on a key, each with an explanation."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from core.feed.snapshot import Snapshot
from core.runs.record import RunRecord
from prusc_tui.keys import bindings
from prusc_tui.resolved import Resolved, facts, resolve
from prusc_tui.views.config import VIEW
from prusc_tui.views.config.lines import Fact, Heading, Line, Widths, detail, line, lines_of, widths
from prusc_tui.widgets.filter_bar import FilterBar
from prusc_tui.widgets.panel import Panel, Reading
from prusc_tui.widgets.picture import Picture
from prusc_tui.widgets.sectioned_list import SectionedList

WIDE = 116  # width from which the explanation is beside the list


class ConfigList(SectionedList[Resolved | Fact]):
    """The settings and facts of the run."""

    HEADING = Heading

    def __init__(self) -> None:
        super().__init__()
        self._widths = Widths(12, 12)

    def name_of(self, entry: Resolved | Fact) -> str:
        return entry.label if isinstance(entry, Fact) else entry.key

    def draw_entry(self, entry: object, here: bool) -> Text:
        return line(cast(Line, entry), self._widths, self._width, self._palette, here, self.has_focus)

    def _measure(self) -> None:
        self._widths = widths(cast(Sequence[Line], self.listed), self._width)
        super()._measure()


class ConfigPanel(Panel):
    """The settings of a run."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(VIEW.keys), Binding("escape", "filter_off", show=False)]
    DEFAULT_CSS = """
    ConfigPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    ConfigPanel #body { height: 1fr; width: 1fr; layout: vertical; }
    ConfigPanel #detail { height: 6; margin-top: 1; }
    ConfigPanel.low #detail { display: none; }
    ConfigPanel.wide { padding: 1 1 0 1; }
    ConfigPanel.wide #body { layout: horizontal; }
    ConfigPanel.wide ConfigList { width: 2fr; }
    ConfigPanel.wide #detail { width: 1fr; height: 100%; margin: 0 0 0 3; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._record: RunRecord | None = None
        self._resolved_for: object = None
        self._settings: tuple[Resolved, ...] | None = None
        self._everything = False
        self._reading = Reading(self, self._take)

    def compose(self) -> ComposeResult:
        with Vertical(id="body"):
            yield ConfigList()
            yield Picture(partial(detail, None, None), id="detail")
        yield FilterBar("part of a key, a value or a description")

    def on_resize(self) -> None:
        self.set_class(self.outer_size.width >= WIDE, "wide")
        self.set_class(self.outer_size.width < WIDE and self.outer_size.height < 14, "low")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        # Escape clears a filter first, then leaves the screen.
        return action != "filter_off" or any(bar.shown for bar in self.query(FilterBar))

    def action_toggle_all(self) -> None:
        self._everything = not self._everything
        # From the facts at the end, go back to the settings.
        self._list(keep=isinstance(self.query_one(ConfigList).current, Resolved))

    def action_filter(self) -> None:
        self.query_one(FilterBar).ask()

    def action_filter_off(self) -> None:
        self.query_one(FilterBar).clear()
        self.query_one(ConfigList).focus()
        self._list()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        record = snapshot.record
        if record is self._record:
            return
        self._record = record
        if (record.config, record.overrides) != self._resolved_for:
            self._resolved_for = record.config, record.overrides
            # On a thread: importing pydantic is slow.
            self._reading.ask(partial(resolve, record))
        self._list()

    @on(FilterBar.Changed)
    def _typed(self, message: FilterBar.Changed) -> None:
        message.stop()
        self._list(keep=False)

    @on(FilterBar.Left)
    def _left(self, message: FilterBar.Left) -> None:
        message.stop()
        self.query_one(ConfigList).focus()

    @on(ConfigList.Moved)
    def _moved(self, message: ConfigList.Moved) -> None:
        message.stop()
        current, preset = self.query_one(ConfigList).current, self._record.preset if self._record is not None else None
        self.query_one("#detail", Picture).show((current, preset), partial(detail, current, preset))

    def _take(self, settings: tuple[Resolved, ...]) -> None:
        self._settings = settings
        self._list()

    def _list(self, keep: bool = True) -> None:
        record, found = self._record, self.query_one(ConfigList)
        if record is not None and self._settings is not None:
            found.set_lines(
                lines_of(self._settings, facts(record), self._everything, self.query_one(FilterBar).text), keep
            )
        elif record is not None:
            found.set_lines([Heading("reading …")])
