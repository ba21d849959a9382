"""View sparsity: worst group and average against the share of weights kept."""

from typing import TYPE_CHECKING

from prusc_tui.views import View

if TYPE_CHECKING:
    from core.feed.snapshot import Snapshot


def _shows(snapshot: "Snapshot") -> bool:
    from core.results.sparsity import points_of

    return bool(points_of(snapshot.outcomes))


VIEW = View("sparsity", 9, "accuracy against the share of weights kept, for several ways of pruning", shows=_shows)
