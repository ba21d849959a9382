"""The console of the commands: it shows the control characters in texts, and obeys none."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from core.runs.text import safe_text


class SafeConsole(Console):
    """A console that escapes control characters in whatever it prints; only its own styles move or colour anything.

    Markup in square brackets and names of emoji are text, too. A line break is one, as texts of several lines have
    them: escape those of a single text with `safe_text` first.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render what is printed, and each part of it, into harmless segments."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            safe = text if control else "\n".join(map(safe_text, text.split("\n")))
            yield segment if safe == text else Segment(safe, style)
