"""View overview: stages, groups, losses, device."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(_folder: "RunFolder", clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.overview.panel import OverviewPanel

    return OverviewPanel(clock)


VIEW = View(
    "overview",
    1,
    "stages, groups, losses, device",
    _panel,
)
