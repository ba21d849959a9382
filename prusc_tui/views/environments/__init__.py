"""View environments: composition, risk and penalty, restarts."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(_folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.environments.panel import EnvironmentsPanel

    return EnvironmentsPanel()


VIEW = View(
    "environments",
    5,
    "composition, risk and penalty, restarts",
    _panel,
    short="envs",
)
