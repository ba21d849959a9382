"""View masks: what is pruned, layer by layer."""

from prusc_tui.keys import Key
from prusc_tui.views import View

VIEW = View(
    "masks",
    4,
    "what is pruned, layer by layer",
    keys=(
        Key("masks.overlap", "o", "overlap", "overlap", "overlap (IoU) with the mask of another run", True),
        Key("masks.order", "s", "order", "order", "layers in network order, or most pruned first", True),
    ),
)
