"""Dialogs: a yes-or-no question, and a line of text."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click
from textual.widgets import Input, Static

from core.errors import InputError
from core.runs.text import safe_text
from prusc_tui.palette import palette_in
from prusc_tui.widgets.quiet import QuietInput, QuietModal


class Choice(Static):
    """A key with its label, which can also be clicked."""

    DEFAULT_CSS = """
    Choice { width: auto; margin-right: 3; }
    Choice:hover { text-style: underline; }
    """

    def __init__(self, key: str, label: str) -> None:
        super().__init__(Text.assemble((key, "bold"), f" {label}"))
        self._key = key

    def on_click(self, event: Click) -> None:
        event.stop()
        self.app.simulate_key(self._key)


class AskScreen(QuietModal[bool]):
    """A question that only `y` answers with yes; enter and escape mean no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,enter,q", "answer(False)", "no"),
    ]

    def __init__(self, title: str, text: str, yes: str, no: str = "Cancel") -> None:
        super().__init__()
        self._question, self._text, self._yes, self._no = title, text, yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._question, "bold"))
            yield Static(Text(self._text))
            with Horizontal(classes="choices"):
                yield Choice("y", self._yes)
                yield Choice("n", self._no)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class LeaveScreen(AskScreen):
    """The question before leaving with active runs; enter means yes, as the user asked to leave."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "answer(True)", "yes")]

    def __init__(self, names: Sequence[str]) -> None:
        run, them = ("runs", "it") if len(names) == 1 else ("run", "them")
        text = (
            f"{', '.join(names)} {run} inside this program. Leaving stops {them} at the next step, with a checkpoint; "
            "resume continues from there."
        )
        super().__init__("Leave and stop?", text, "stop and leave", "stay")


class LineScreen(QuietModal[str | None]):
    """A line of text, None if cancelled; `check` raises InputError for an invalid one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back")]
    DEFAULT_CSS = """
    LineScreen Input { margin: 1 0; background: $panel; }
    LineScreen #hint { color: $text-muted; }
    """

    def __init__(
        self, title: str, value: str = "", hint: str = "", check: Callable[[str], object] | None = None
    ) -> None:
        super().__init__()
        self.value = value
        self._asked, self._hint, self._check = title, hint, check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._asked, "bold"))
            yield QuietInput(self.value, compact=True, select_on_focus=False)
            yield Static(Text(self._hint), id="hint")
            with Horizontal(classes="choices"):
                yield Choice("enter", "OK")
                yield Choice("escape", "Cancel")

    def action_back(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        try:
            if self._check is not None:
                self._check(message.value)
        except InputError as error:
            self._refuse(str(error))
        except OSError as error:  # such as a folder that the user may not read
            self._refuse(f"{safe_text(str(error.filename))}: cannot be used ({error.strerror})")
        else:
            self.dismiss(message.value)

    def _refuse(self, why: str) -> None:
        self.query_one("#hint", Static).update(Text(why, palette_in(self.app).bad))
