"""View log: events of the run, and its console."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.keys import Key
from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.log.panel import LogPanel

    return LogPanel(folder)


VIEW = View(
    "log",
    7,
    "events of the run, and its console",
    _panel,
    keys=(
        Key("log.source", "c", "toggle_source", "console", "events of the run, or the console of its process", True),
        Key("log.search", "slash", "search", "search", "search", True),
        Key("log.end", "end,G", "end", "follow", "go to the end and follow", True),
    ),
)
