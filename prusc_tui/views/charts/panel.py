"""All numbers of a run as charts, with a picker."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.feed.snapshot import Snapshot
from prusc_tui.chart.grid import ChartGrid
from prusc_tui.chart.lines import Key, Line, Lines, by_quantity, default_choice
from prusc_tui.keys import bindings
from prusc_tui.views.charts.picker import Picker
from prusc_tui.widgets.panel import Panel

ROOM_FOR_PICKER = 100  # width from which the picker is visible by default


class ChartsPanel(ChartGrid, Panel):
    """Charts of a run: by default the main lines of the current stage."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key for key in bindings("charts") if isinstance(key, Binding) and key.action == "toggle_picker"
    ]
    DEFAULT_CSS = """
    ChartsPanel > Picker { dock: left; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._source = Lines()
        self._lines: dict[Key, Line] = {}
        self._picked: list[Key] | None = None
        self._asked: bool | None = None

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Picker()

    def on_resize(self, event: events.Resize) -> None:
        self.query_one(Picker).display = event.size.width >= ROOM_FOR_PICKER if self._asked is None else self._asked

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self._lines = self._source.update(snapshot)
        self._give()

    @property
    def chosen(self) -> list[Key]:
        """Stage and name of the visible lines."""
        if self._picked is not None:
            return [key for key in self._lines if key in self._picked]
        return default_choice(self._lines, self.snapshot) if self.snapshot is not None else []

    def action_toggle_picker(self) -> None:
        """Focus the picker and show it if needed; if it has the focus, hide it."""
        picker = self.query_one(Picker)
        if picker.display and picker.has_focus_within:
            self._asked = picker.display = False
            self.focus()
        else:
            self._asked = picker.display = True
            picker.take_keys()

    @on(Picker.Chosen)
    def _chosen(self, message: Picker.Chosen) -> None:
        message.stop()
        if message.key is None:
            self._picked = None
        else:
            picked = self.chosen
            self._picked = [key for key in picked if key != message.key]
            if message.key not in picked:
                self._picked.append(message.key)
            # Without any picks, return to the automatic choice.
            self._picked = self._picked or None
        self._give()

    @on(Picker.Left)
    def _left(self, message: Picker.Left) -> None:
        message.stop()
        picker = self.query_one(Picker)
        if self.size.width < ROOM_FOR_PICKER:
            self._asked = picker.display = False
        self.focus()

    @on(ChartGrid.ModeChanged)
    def _mode_changed(self, message: ChartGrid.ModeChanged) -> None:
        message.stop()
        self._give()

    def _give(self) -> None:
        chosen = self.chosen
        self.query_one(Picker).show(list(self._lines), chosen, self._picked is None)
        self.show_plots(by_quantity(self._lines, chosen, self.mode))
