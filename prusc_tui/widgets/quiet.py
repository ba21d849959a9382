"""Less terminal output: an input that does not blink, and messages of which only the newest counts."""

from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input


class QuietInput(Input):
    """An input without a blinking cursor, so that it is silent while idle."""

    cursor_blink = reactive(False, init=False)


class News(Message):
    """A state; a newer message replaces one still waiting."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, type(self))
