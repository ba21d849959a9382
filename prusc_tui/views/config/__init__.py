"""View config: every setting of a run."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.keys import Key
from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(_folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.config.panel import ConfigPanel

    return ConfigPanel()


VIEW = View(
    "config",
    6,
    "settings, changed ones first",
    _panel,
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
