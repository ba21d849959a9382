"""View config: every setting of a run."""

from prusc_tui.keys import Key
from prusc_tui.views import View

VIEW = View(
    "config",
    6,
    "settings, changed ones first",
    keys=(
        Key("config.all", "a", "toggle_all", "all", "all settings, or only what differs from the defaults", True),
        Key(
            "config.filter",
            "slash",
            "filter",
            "filter",
            "filter as you type: part of a key, value or description",
            True,
        ),
    ),
)
