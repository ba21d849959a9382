"""A run as plain lines for logs and pipes, without control characters."""

from core.events import Event
from core.runs.text import safe_text


def line_of(event: Event) -> str | None:
    """Return the line of `event`, safe to print; None for events that are too frequent for a log."""
    text = event.line()
    return None if text is None else safe_text(text)
