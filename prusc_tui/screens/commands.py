"""Entries of the command palette: active keys, screens and themes."""

from collections.abc import Callable, Iterable
from functools import partial

from textual.app import App, SystemCommand
from textual.screen import Screen

from prusc_tui.keymap import AREAS, KEYS
from prusc_tui.navigation import OpenData, OpenNew, OpenQueue, OpenSweep
from prusc_tui.themes import NAMES

_BY_ID = {key.id: key for key in KEYS}
_SHORT = {"life": "run", "app": "screen"}
_UNSAID = (
    *("runs.clear", "charts.cursor_left", "charts.cursor_right", "groups.up", "groups.down"),
    *("sweep.left", "sweep.right", "app.palette"),
)


def commands(app: App[None], screen: Screen[object], use_theme: Callable[[str], object]) -> Iterable[SystemCommand]:
    """All current actions, as `place: action`."""
    for active in screen.active_bindings.values():
        key = _BY_ID.get(active.binding.id or "")
        if key is None or not active.enabled or key.id in _UNSAID:
            continue
        where = _SHORT.get(key.area) or AREAS[key.area].lower()
        run = partial(app.run_action, active.binding.action, active.node)
        yield SystemCommand(f"{where}: {key.label}", f"{key.help}  ({app.get_key_display(active.binding)})", run)
    yield SystemCommand("go: new run", "Start a new run", partial(app.post_message, OpenNew()))
    yield SystemCommand("go: data", "Browse the data sets", partial(app.post_message, OpenData()))
    yield SystemCommand("go: queue", "See the queue and the GPUs", partial(app.post_message, OpenQueue()))
    yield SystemCommand("go: sweeps", "See the sweeps", partial(app.post_message, OpenSweep()))
    for name in NAMES:
        yield SystemCommand(f"theme: {name}", "Change the colours", partial(use_theme, name))
