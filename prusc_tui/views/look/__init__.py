"""View look: images of a group, most confident mistakes first, and what the networks look at."""

from prusc_tui.keys import Key
from prusc_tui.views import View

VIEW = View(
    "look",
    10,
    "images of a group and class-activation maps, before and after",
    keys=(
        Key("look.compute", "enter", "compute", "compute", "compute the maps of the images of the group", True),
        Key("look.maps", "m", "toggle_maps", "maps", "images with maps, or more images without", True),
        Key("look.kind", "c", "toggle_kind", "cells", "groups of the test split, or cells: label × pseudo-group", True),
        Key("look.by", "b", "toggle_by", "order", "mistakes of the first or of the last network first", True),
        Key("look.export", "e", "export", "PNG", "write the page as a picture", True),
        Key("look.up", "up,k", "row(-1)", "up", "group above"),
        Key("look.down", "down,j", "row(1)", "down", "group below"),
        Key("look.previous", "pageup,left", "page(-1)", "previous page", "previous page of images"),
        Key("look.next", "pagedown,right", "page(1)", "next page", "next page of images; computes missing maps"),
        Key("look.larger", "plus,equals_sign", "zoom(1)", "larger", "fewer and larger images"),
        Key("look.smaller", "minus", "zoom(-1)", "smaller", "more and smaller images"),
    ),
)
