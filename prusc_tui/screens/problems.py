"""Problems with installed packages, as notifications."""

from textual.screen import Screen

from core import discovery
from core.runs.text import safe_text


def tell_problems(screen: Screen[None]) -> None:
    """Show a notification for each unusable package."""
    for sentence in discovery.problems():
        screen.notify(safe_text(sentence), severity="warning", markup=False)
