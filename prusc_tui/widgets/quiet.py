"""What keeps the wire quiet: a line to type on that does not blink, and news of which only the newest matter."""

from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input


class QuietInput(Input):
    """A line to type on; its cursor does not blink, so nothing is sent while nobody types."""

    cursor_blink = reactive(False, init=False)


class News(Message):
    """How something is now: one that waits behind another of its kind takes its place."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, type(self))
