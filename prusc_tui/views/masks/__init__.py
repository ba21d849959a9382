"""View masks: what is pruned, layer by layer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.keys import Key
from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.masks.panel import MasksPanel

    return MasksPanel(folder)


VIEW = View(
    "masks",
    4,
    "what is pruned, layer by layer",
    _panel,
    keys=(
        Key("masks.overlap", "o", "overlap", "overlap", "overlap (IoU) with the mask of another run", True),
        Key("masks.order", "s", "order", "order", "layers in network order, or most pruned first", True),
    ),
)
