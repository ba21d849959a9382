"""The rule `auto`: choose checkpoint and number of clusters without attribute labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan


@dataclass(frozen=True, slots=True)
class Candidate:
    """One attempted clustering.

    Attributes:
        epoch: epoch of the checkpoint whose representation was clustered.
        k: number of clusters.
        size: entries of its balanced set under rule `min`.
        skew: mean share of the largest class in a cluster, weighted by cluster size.
        probed: worst-cell accuracy on validation after a head is refitted on its balanced set, NaN if unknown.
    """

    epoch: float
    k: int
    size: int
    skew: float
    probed: float = nan


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen candidate (`index`), a sentence that says why, and whether its clusters are clearly skewed."""

    index: int
    reason: str
    clear: bool


def choose(candidates: Sequence[Candidate], min_skew: float) -> Choice:
    """Choose among clusterings that are clearly skewed by class (ours): best worst cell of the probe, then largest set.

    Clusters that are not skewed give a large balanced set, but with hardly any sample on which the shortcut fails. With
    too many clusters, or too late a checkpoint, samples that share a shortcut are separated by class, and the balanced
    set shrinks. Its size, all that is compared without a probe, says little about a second shortcut. Ties go to fewer
    clusters, then to the earlier checkpoint. If no candidate is clear, the most skewed one with a non-empty balanced
    set is chosen.

    Args:
        candidates: attempted clusterings, at least one.
        min_skew: minimum skew that counts as clear.
    """
    if not candidates:
        raise ValueError("no candidates to choose from")

    def prefer_best(i: int) -> tuple[float, ...]:
        c = candidates[i]
        return 0.0 if isnan(c.probed) else -c.probed, -c.size, c.k, c.epoch

    def prefer_skew(i: int) -> tuple[float, ...]:
        c = candidates[i]
        return -c.skew, *prefer_best(i)

    of_all = f"of {len(candidates)} candidates"
    usable = [i for i, c in enumerate(candidates) if c.size > 0]
    clear = [i for i in usable if candidates[i].skew >= min_skew]
    if clear:
        index = min(clear, key=prefer_best)
        chosen = candidates[index]
        best = f"largest balanced set ({chosen.size:,})"
        if not isnan(chosen.probed):
            best = f"best worst cell on validation ({chosen.probed:.1%} with a head refitted on its balanced set)"
        reason = f"{_name(chosen)} gives the {best} among {len(clear)} {of_all} with skew ≥ {min_skew:.2f}"
        return Choice(index, reason, clear=True)
    index = min(usable or range(len(candidates)), key=prefer_skew)
    chosen = candidates[index]
    if usable:
        reason = (
            f"none {of_all} has both a balanced set and skew ≥ {min_skew:.2f}, so no shortcut is clearly visible; "
            f"{_name(chosen)} has the highest skew ({chosen.skew:.2f}) and a balanced set of {chosen.size:,}"
        )
    else:
        reason = f"each {of_all} has an empty balanced set; {_name(chosen)} has the highest skew ({chosen.skew:.2f})"
    return Choice(index, reason, clear=False)


def _name(candidate: Candidate) -> str:
    return f"k = {candidate.k} at epoch {candidate.epoch:g}"
