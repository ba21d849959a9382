"""The line in which a filter is typed: what is valid holds, what is not says why."""

import re
from contextlib import suppress
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from core.errors import InputError
from core.runs.fields import ALIASES, FIELDS
from core.runs.query import Query, parse
from core.runs.text import safe_text
from prusc_tui.palette import palette_in
from prusc_tui.widgets.quiet import QuietInput

_LAST_WORD = re.compile(r"(?<![^\s(])(?P<name>[a-z_]+)(?:[:=](?P<value>[^\s()\"'<>=~:]+))?$", re.IGNORECASE)


class _Line(QuietInput):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("down,tab", "submit", "to the table", show=False)]


class FilterLine(Horizontal):
    """A filter over runs; hidden until it is asked for, and while it is empty and left."""

    DEFAULT_CSS = """
    FilterLine { height: 1; display: none; background: $surface; }
    FilterLine.shown { display: block; }
    FilterLine #slash { width: 3; padding: 0 1; }
    FilterLine Input { width: 1fr; padding: 0; background: $surface; }
    FilterLine Input:focus { background: $surface; }
    FilterLine #why { width: auto; max-width: 60%; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Changed(Message):
        """Another filter is in force."""

    class Left(Message):
        """One is done with typing."""

    def __init__(self) -> None:
        super().__init__()
        self.query_now: Query = parse("")

    def compose(self) -> ComposeResult:
        """The sign of the key, the text, what is wrong with it."""
        yield Static("/", id="slash")
        yield _Line(placeholder="recipe:prusc wga>0.8 tag:paper text", compact=True, select_on_focus=False)
        yield Static(id="why")

    @property
    def shown(self) -> bool:
        """Whether there is a filter, or one is being typed."""
        return self.has_class("shown")

    @property
    def meanwhile(self) -> Query | None:
        """What to look for while nothing fits and the last word may go on.

        `wga` may become `wga>0.8`, so it is left out; `tag:pa` may become `tag:paper`, so a part of it is enough.
        """
        text = self.query_now.text
        if (word := _LAST_WORD.search(text)) is not None:
            name = word["name"].lower()
            if word["value"] is not None:
                text = f"{text[: word.end('name')]}~{word['value']}"
            elif any(field.startswith(name) for field in (*FIELDS, *ALIASES)):
                text = text[: word.start()]
            else:
                return None
            with suppress(InputError):  # such as a `not` that has nothing behind it now, or a number that is no text
                return parse(text)
        return None

    def ask(self) -> None:
        """Show the line and give it the keys."""
        self.add_class("shown")
        self.query_one(Input).focus()

    def clear(self) -> None:
        """Take the filter away, and the line with it."""
        self.query_one(Input).value = ""
        self.remove_class("shown")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        why = Text()
        try:
            query = parse(message.value)
        except InputError as error:
            why = Text(safe_text(str(error)).removeprefix("filter, "), palette_in(self.app).warn)
        else:
            if query.text.strip() != self.query_now.text.strip():
                self.query_now = query
                self.post_message(self.Changed())
        self.query_one("#why", Static).update(why)

    @on(Input.Submitted)
    def _done(self, message: Input.Submitted) -> None:
        message.stop()
        if not message.value.strip():
            self.clear()
        self.post_message(self.Left())
