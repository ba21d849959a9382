"""View clusters: composition, map and sample images."""

from prusc_tui.keys import Key
from prusc_tui.views import View

VIEW = View(
    "clusters",
    3,
    "clusters, map of the representation, images",
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
