"""View charts: every number of a run over steps, epochs or time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(_folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.charts.panel import ChartsPanel

    return ChartsPanel()


VIEW = View(
    "charts",
    2,
    "every number over steps, epochs or time",
    _panel,
)
