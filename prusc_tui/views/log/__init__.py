"""View log: events of the run, and its console."""

from prusc_tui.keys import Key
from prusc_tui.views import View

VIEW = View(
    "log",
    7,
    "events of the run, and its console log",
    keys=(
        Key(
            "log.source", "c", "toggle_source", "console", "events of the run, or the console log of its process", True
        ),
        Key("log.search", "slash", "search", "search", "search", True),
        Key("log.end", "end,G", "end", "follow", "go to the end and follow", True),
    ),
)
