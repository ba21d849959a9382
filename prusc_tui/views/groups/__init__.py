"""View groups: the pseudo-groups of a run, their quality, a map and images."""

from prusc_tui.keys import Key
from prusc_tui.views import View

VIEW = View(
    "groups",
    3,
    "pseudo-groups: finder, composition, quality, map, images",
    keys=(
        Key(
            "groups.colour",
            "c",
            "next_colour",
            "colour",
            "colour the map by label, pseudo-group, group, correctness",
            True,
        ),
        Key("groups.method", "m", "toggle_method", "t-SNE", "map by PCA or t-SNE; t-SNE is computed on request", True),
        Key("groups.view", "v", "next_view", "view", "show table, map or images, if not all fit", True),
        Key("groups.conflicts", "i", "toggle_conflicts", "conflicts", "page through all conflict samples", True),
        Key(
            "groups.export",
            "e",
            "export",
            "export",
            "write the pseudo-groups as a table to correct and use again",
            True,
        ),
        Key("groups.up", "up,k", "row(-1)", "up", "pseudo-group above"),
        Key("groups.down", "down,j", "row(1)", "down", "pseudo-group below"),
        Key("groups.previous", "pageup,left", "page(-1)", "previous page", "previous page of images"),
        Key("groups.next", "pagedown,right", "page(1)", "next page", "next page of images"),
    ),
)
