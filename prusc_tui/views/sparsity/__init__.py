"""View sparsity: worst group and average against the share of weights kept."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.views import View

if TYPE_CHECKING:
    from core.feed.snapshot import Snapshot
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(_folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.sparsity.panel import SparsityPanel

    return SparsityPanel()


def _shows(snapshot: "Snapshot") -> bool:
    from core.results.sparsity import points_of

    return bool(points_of(snapshot.outcomes))


VIEW = View(
    "sparsity",
    9,
    "accuracy against the share of weights kept, for several ways of pruning",
    _panel,
    shows=_shows,
)
