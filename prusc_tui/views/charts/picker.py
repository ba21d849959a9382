"""What can be drawn, stage by stage, to choose from."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from core.runs.text import safe_text
from prusc_tui.widgets.quiet import QuietInput

Key = tuple[str, str]
"""Stage and name."""

AUTOMATIC = "automatic"
CHOSEN, OPEN = "✓", "·"


class Choices(OptionList):
    """The list: space or enter chooses."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "choose", show=False)]


class Picker(Widget):
    """A list of numbers with a mark at those that are shown; `/` filters it by words of stage and name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", tooltip="filter by words of stage and name"),
        Binding("escape", "leave", "charts", show=False),
    ]
    DEFAULT_CSS = """
    Picker { width: 30; height: 100%; layout: vertical; }
    Picker > Input { height: 1; border: none; padding: 0 1; display: none; }
    Picker > Input:focus { border: none; }
    Picker > Choices { height: 1fr; max-height: 100%; border: none; padding: 0 1; background: transparent; }
    Picker > Choices { scrollbar-size-vertical: 1; }
    Picker > Choices:focus { border: none; }
    """

    class Chosen(Message):
        """A line was chosen, or given up; None is the automatic choice."""

        def __init__(self, key: Key | None) -> None:
            super().__init__()
            self.key = key

    class Left(Message):
        """The keys are to go back to the charts."""

    def __init__(self, *, id: str | None = None) -> None:
        """An empty list."""
        super().__init__(id=id)
        self._keys: tuple[Key, ...] = ()
        self._chosen: frozenset[Key] = frozenset()
        self._automatic = True
        self._listed: list[Key | None] = []

    def compose(self) -> ComposeResult:
        """A filter that shows when it is asked for, and the list."""
        yield QuietInput(placeholder="filter", compact=True)
        yield Choices()

    def on_mount(self) -> None:
        """Fill the list."""
        self._fill()

    def show(self, keys: Sequence[Key], chosen: Collection[Key], automatic: bool) -> None:
        """List the lines; cheap where nothing differs.

        Args:
            keys: stage and name of each, stage by stage.
            chosen: those that are shown.
            automatic: whether they were chosen for the user.
        """
        new = tuple(keys), frozenset(chosen), automatic
        if new != (self._keys, self._chosen, self._automatic):
            self._keys, self._chosen, self._automatic = new
            if self.is_mounted:
                self._fill()

    def take_keys(self) -> None:
        """Give the keys to the list."""
        self.query_one(Choices).focus()

    def action_filter(self) -> None:
        """Type words to filter by."""
        words = self.query_one(Input)
        words.display = True
        words.focus()

    def action_leave(self) -> None:
        """Out of the filter, then back to the charts."""
        words = self.query_one(Input)
        if words.display:
            words.value = ""
            words.display = False
            self.take_keys()
        else:
            self.post_message(self.Left())

    @on(Input.Changed)
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        self._fill()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.take_keys()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self._listed[event.option_index]))

    def _fill(self) -> None:
        """Make the list anew; the highlight stays on its line."""
        choices = self.query_one(Choices)
        at = choices.highlighted
        before = self._listed[at] if at is not None and at < len(self._listed) else None
        words = self.query_one(Input).value.lower().split()
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
