"""The input line of a filter or search; hidden until requested."""

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from prusc_tui.widgets.quiet import QuietInput, put


class FilterBar(Horizontal):
    """A sign, the input, and a note."""

    DEFAULT_CSS = """
    FilterBar { height: 1; display: none; background: $surface; }
    FilterBar.shown { display: block; }
    FilterBar #sign { width: 2; }
    FilterBar Input, FilterBar Input:focus { width: 1fr; padding: 0; background: $surface; }
    FilterBar #note { width: auto; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("down,tab", "leave", show=False)]

    @dataclass
    class Changed(Message):
        """The text has changed."""

        text: str

    class Left(Message):
        """Typing has ended; an empty line is hidden again."""

    def __init__(self, placeholder: str, *, sign: str = "/") -> None:
        super().__init__()
        self._placeholder, self._sign = placeholder, sign

    def compose(self) -> ComposeResult:
        if self._sign:
            yield Static(self._sign, id="sign")
        yield QuietInput(placeholder=self._placeholder, compact=True, select_on_focus=False)
        yield Static(id="note")

    @property
    def shown(self) -> bool:
        return self.has_class("shown")

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    def ask(self) -> None:
        self.add_class("shown")
        self.query_one(Input).focus()

    def clear(self) -> None:
        self.query_one(Input).value = ""
        self.remove_class("shown")

    def note(self, text: Text) -> None:
        put(self.query_one("#note", Static), text)

    async def action_leave(self) -> None:
        await self.query_one(Input).action_submit()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self.post_message(self.Changed(message.value))

    @on(Input.Submitted)
    def _done(self, message: Input.Submitted) -> None:
        message.stop()
        if not message.value.strip():
            self.clear()
        self.post_message(self.Left())
