"""The lines of the screen without control characters, whatever widget drew them."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from core.runs.text import without_controls


class SafeLines(LineFilter):
    """Drops control characters that a widget left in a text; most widgets show them, with `safe_text`."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Return the segments without them."""
        return [
            segment if control or (safe := without_controls(text)) == text else Segment(safe, style)
            for segment in segments
            for text, style, control in (segment,)
        ]
