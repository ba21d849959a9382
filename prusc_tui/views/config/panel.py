"""The settings of a run: what differs from the defaults first, all of them on a key, and what each one is."""

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from core.runs.record import RunRecord
from prusc_tui.keys import bindings
from prusc_tui.palette import Palette
from prusc_tui.views.config.lines import Heading, Line, detail, lines_of
from prusc_tui.views.config.list import ConfigList
from prusc_tui.views.config.resolved import Resolved, facts, resolve
from prusc_tui.widgets.bars import ink, wrap
from prusc_tui.widgets.drawing import Drawing
from prusc_tui.widgets.quiet import QuietInput

WIDE = 116
"""Cells from which the explanation stands beside the list."""


class _Filter(QuietInput):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,tab", "submit", show=False),
        Binding("escape", "screen_filter_off", show=False),
    ]

    def action_screen_filter_off(self) -> None:
        """Take the filter away."""
        self.post_message(ConfigPanel.Unfiltered())


class _Detail(Drawing):
    """What the setting under the cursor is."""

    DEFAULT_CSS = "_Detail { height: 6; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._shown: tuple[Line, str | None] = None, None

    def show(self, one: Line, preset: str | None) -> None:
        """Explain a line."""
        if (one, preset) != self._shown:
            self._shown = one, preset
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:
        """The explanation, as much as there is room for."""
        lines = detail(*self._shown, width, palette)
        return [*lines, *wrap(ink(""), width) * (height - len(lines))][:height]


class ConfigPanel(Widget):
    """The settings of a run.

    Args:
        folder: where the run is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("config"),
        Binding("escape", "filter_off", show=False),
    ]
    DEFAULT_CSS = """
    ConfigPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    ConfigPanel #body { height: 1fr; width: 1fr; layout: vertical; }
    ConfigPanel #detail { margin-top: 1; }
    ConfigPanel.low #detail { display: none; }
    ConfigPanel #filter { height: 1; display: none; background: $surface; }
    ConfigPanel.filtering #filter { display: block; }
    ConfigPanel #slash { width: 2; }
    ConfigPanel Input, ConfigPanel Input:focus { width: 1fr; padding: 0; background: $surface; }
    ConfigPanel.wide { padding: 1 1 0 1; }
    ConfigPanel.wide #body { layout: horizontal; }
    ConfigPanel.wide ConfigList { width: 2fr; }
    ConfigPanel.wide #detail { width: 1fr; height: 100%; margin: 0 0 0 3; }
    """

    class Read(Message):
        """The settings were put beside the defaults."""

        def __init__(self, generation: int, settings: tuple[Resolved, ...]) -> None:
            super().__init__()
            self.generation = generation
            self.settings = settings

    class Unfiltered(Message):
        """The filter is to be taken away."""

    def __init__(self, folder: RunFolder, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._folder = folder
        self._record: RunRecord | None = None
        self._resolved_for: object = None
        self._settings: tuple[Resolved, ...] | None = None
        self._generation = 0
        self._everything = False

    def compose(self) -> ComposeResult:
        """The list, and below or beside it what the line under the cursor is."""
        with Vertical(id="body"):
            yield ConfigList()
            yield _Detail()
        with Horizontal(id="filter"):
            yield Static("/", id="slash")
            yield _Filter(placeholder="part of a key, a value or a description", compact=True, select_on_focus=False)

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; cheap where nothing is."""
        if snapshot.record is self._record:
            return
        self._record = snapshot.record
        if self.is_mounted:
            self._look()

    def on_mount(self) -> None:
        """Show what came before there was a place for it."""
        if self._record is not None:
            self._look()

    def on_resize(self) -> None:
        """Take the layout for the size."""
        self.set_class(self.outer_size.width >= WIDE, "wide")
        self.set_class(self.outer_size.width < WIDE and self.outer_size.height < 14, "low")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Escape takes a filter away first, then leaves the screen."""
        return self.has_class("filtering") if action == "filter_off" else True

    def action_toggle_all(self) -> None:
        """All settings, or what differs."""
        self._everything = not self._everything
        # From the facts at the end the eye goes back to the settings.
        self._list(keep=isinstance(self.query_one(ConfigList).current, Resolved))

    def action_filter(self) -> None:
        """Ask for a text."""
        self.add_class("filtering")
        self.query_one(Input).focus()

    def action_filter_off(self) -> None:
        """All is shown again."""
        self.remove_class("filtering")
        self.query_one(Input).value = ""
        self.query_one(ConfigList).focus()
        self._list()

    @on(Unfiltered)
    def _unfiltered(self, message: Unfiltered) -> None:
        message.stop()
        self.action_filter_off()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self._list(keep=False)

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value.strip():
            self.query_one(ConfigList).focus()
        else:
            self.action_filter_off()

    @on(ConfigList.Moved)
    def _moved(self, message: ConfigList.Moved) -> None:
        message.stop()
        preset = self._record.preset if self._record is not None else None
        self.query_one(_Detail).show(self.query_one(ConfigList).current, preset)

    @on(Read)
    def _take(self, message: Read) -> None:
        message.stop()
        if message.generation == self._generation:
            self._settings = message.settings
            self._list()

    def _look(self) -> None:
        """Have the settings put beside the defaults where they are others than before."""
        record = self._record
        if record is None:
            return
        if (record.config, record.overrides) != self._resolved_for:
            self._resolved_for = record.config, record.overrides
            self._generation += 1
            read = partial(self._read, self._generation, record)
            self.run_worker(read, thread=True, group="config", exit_on_error=False)
        self._list()

    def _read(self, generation: int, record: RunRecord) -> None:
        """On a thread: the config model comes with pydantic, which takes its time."""
        self.post_message(self.Read(generation, resolve(record)))

    def _list(self, keep: bool = True) -> None:
        record = self._record
        if record is None:
            return
        found = self.query_one(ConfigList)
        if self._settings is None:
            found.show([Heading("reading …")])
            return
        found.show(lines_of(self._settings, facts(record), self._everything, self.query_one(Input).value), keep)
