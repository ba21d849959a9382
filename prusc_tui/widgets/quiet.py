"""Less terminal output: inputs that do not blink, texts sent only if they differ, and only the newest message."""

from rich.text import Text
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.screen import Screen, ScreenResultType
from textual.widget import Widget
from textual.widgets import Input, Static


class QuietScreen(Screen[ScreenResultType]):
    """A screen that is not painted again, and sent in full, when the focus moves: the two widgets paint themselves."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)


class QuietInput(Input):
    """An input without a blinking cursor, so that it is silent while idle."""

    cursor_blink = reactive(False, init=False)


class News(Message):
    """A state; a newer message replaces one still waiting."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, type(self))


def put(line: Static, text: Text, *, layout: bool = True) -> None:
    """Change a text, if it differs."""
    if line.content != text:
        line.update(text, layout=layout)
