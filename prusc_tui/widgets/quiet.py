"""Less terminal output and memory: inputs that do not blink, texts sent if they differ, the newest message only."""

from rich.text import Text
from textual._styles_cache import StylesCache
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.widget import Widget
from textual.widgets import Input, Static


class QuietScreen(Screen[ScreenResultType]):
    """A screen that is not painted again, and sent in full, when the focus moves: the two widgets paint themselves."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def on_unmount(self) -> None:
        # Textual remembers the colours of the last 1,024 widgets, and with each of them all lines that it has drawn.
        if forget := getattr(StylesCache.get_inner_outer, "cache_clear", None):
            forget()


class QuietModal(QuietScreen[ScreenResultType], ModalScreen[ScreenResultType]):
    """Such a screen in front of another one."""


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
