"""View clusters: composition, map and sample images."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.keys import Key
from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.clusters.panel import ClustersPanel

    return ClustersPanel(folder)


VIEW = View(
    "clusters",
    3,
    "clusters, map of the representation, images",
    _panel,
    keys=(
        Key(
            "clusters.colour",
            "c",
            "next_colour",
            "colour",
            "colour the map by label, cluster, group, correctness",
            True,
        ),
        Key(
            "clusters.method", "m", "toggle_method", "t-SNE", "map by PCA or t-SNE; t-SNE is computed on request", True
        ),
        Key("clusters.view", "v", "next_view", "view", "table, map or images if not all fit", True),
        Key("clusters.up", "up,k", "row(-1)", "up", "cluster above"),
        Key("clusters.down", "down,j", "row(1)", "down", "cluster below"),
    ),
)
