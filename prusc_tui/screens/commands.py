"""What the command palette offers: every key of the place one is at, the screens, the themes."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from prusc_tui.keys import AREAS, KEYS
from prusc_tui.themes import NAMES

if TYPE_CHECKING:
    from prusc_tui.app import PruscApp

_BY_ID = {key.id: key for key in KEYS}
_SHORT = {"life": "run", "app": "screen"}
_UNSAID = ("runs.clear", "charts.cursor_left", "charts.cursor_right", "clusters.up", "clusters.down", "app.palette")


def commands(app: "PruscApp", screen: Screen[object]) -> Iterable[SystemCommand]:
    """Everything that can be done now, as `place: what`."""
    for active in screen.active_bindings.values():
        key = _BY_ID.get(active.binding.id or "")
        if key is None or not active.enabled or key.id in _UNSAID:
            continue
        where = _SHORT.get(key.area) or AREAS[key.area].lower()
        run = partial(app.run_action, active.binding.action, active.node)
        yield SystemCommand(f"{where}: {key.label}", f"{key.help}  ({app.get_key_display(active.binding)})", run)
    yield SystemCommand("go: new run", "Start a new run", app.open_new)
    yield SystemCommand("go: data", "Look into the data sets", app.open_data)
    for name in NAMES:
        yield SystemCommand(f"theme: {name}", "Change the colours", partial(app.use_theme, name))
