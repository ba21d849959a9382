"""The picker of lines, stage by stage."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from core.runs.text import safe_text
from prusc_tui.chart.lines import Key
from prusc_tui.widgets.filter_bar import FilterBar

AUTOMATIC = "automatic"
CHOSEN, OPEN = "✓", "·"


class Choices(OptionList):
    """The list: space or enter chooses."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "choose", show=False)]


class Picker(Widget):
    """A list of lines with marks at visible ones; `/` filters it by words of stage and name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", tooltip="filter by words of stage and name"),
        Binding("escape", "leave", "charts", show=False),
    ]
    DEFAULT_CSS = """
    Picker { width: 30; height: 100%; layout: vertical; }
    Picker > FilterBar { padding: 0 1; }
    Picker > Choices { height: 1fr; max-height: 100%; border: none; padding: 0 1; background: transparent; }
    Picker > Choices { scrollbar-size-vertical: 1; }
    Picker > Choices:focus { border: none; }
    """

    @dataclass
    class Chosen(Message):
        """A line was chosen or removed; None is the automatic choice."""

        key: Key | None

    class Left(Message):
        """Return the focus to the charts."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[Key, ...] = ()
        self._chosen: frozenset[Key] = frozenset()
        self._automatic = True
        self._listed: list[Key | None] = []

    def compose(self) -> ComposeResult:
        yield FilterBar("filter", sign="")
        yield Choices()

    def on_mount(self) -> None:
        self._fill()

    def show(self, keys: Sequence[Key], chosen: Collection[Key], automatic: bool) -> None:
        """List the lines, stage by stage, with marks at the chosen ones; cheap if nothing changed."""
        new = tuple(keys), frozenset(chosen), automatic
        if new != (self._keys, self._chosen, self._automatic):
            self._keys, self._chosen, self._automatic = new
            if self.is_mounted:
                self._fill()

    def take_keys(self) -> None:
        self.query_one(Choices).focus()

    def action_filter(self) -> None:
        self.query_one(FilterBar).ask()

    def action_leave(self) -> None:
        """Leave the filter, then the picker."""
        bar = self.query_one(FilterBar)
        if bar.shown:
            bar.clear()
            self.take_keys()
        else:
            self.post_message(self.Left())

    @on(FilterBar.Changed)
    def _filtered(self, message: FilterBar.Changed) -> None:
        message.stop()
        self._fill()

    @on(FilterBar.Left)
    def _filter_left(self, message: FilterBar.Left) -> None:
        message.stop()
        self.take_keys()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self._listed[event.option_index]))

    def _fill(self) -> None:
        """Rebuild the list; the highlight stays on its line."""
        choices = self.query_one(Choices)
        at = choices.highlighted
        before = self._listed[at] if at is not None and at < len(self._listed) else None
        words = self.query_one(FilterBar).text.lower().split()
        options = [Option(_entry(AUTOMATIC, self._automatic))]
        listed: list[Key | None] = [None]
        stage = None
        for key in self._keys:
            if not all(word in " ".join(key).lower() for word in words):
                continue
            if key[0] != stage:
                stage = key[0]
                options.append(Option(Text(safe_text(stage), "bold", no_wrap=True, overflow="ellipsis"), disabled=True))
                listed.append(None)
            options.append(Option(_entry(key[1], key in self._chosen)))
            listed.append(key)
        self._listed = listed
        with self.app.batch_update():
            choices.set_options(options)
            choices.highlighted = listed.index(before) if before in listed else 0


def _entry(name: str, chosen: bool) -> Text:
    text = Text(f"{CHOSEN if chosen else OPEN} ", no_wrap=True, overflow="ellipsis")
    return text.append(safe_text(name), "" if chosen else "dim")
