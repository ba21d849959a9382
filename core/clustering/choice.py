"""The rule `auto`: which checkpoint to cluster, and into how many clusters, without labels of the attribute."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """One clustering that was tried.

    Attributes:
        epoch: age of the checkpoint whose representation was clustered, in epochs.
        k: number of clusters.
        size: entries of its balanced set under rule `min`.
        skew: mean share of the largest class in a cluster, weighted by cluster size.
    """

    epoch: float
    k: int
    size: int
    skew: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate taken (`index`), why (`reason`, a sentence), and whether clusters were `clear` enough to trust."""

    index: int
    reason: str
    clear: bool


def choose(candidates: Sequence[Candidate], min_skew: float) -> Choice:
    """Take the largest balanced set among clusters that are clearly skewed by class (ours).

    Too many clusters, or too late a checkpoint, split the samples that share a shortcut by class, and the balanced set
    shrinks; clusters that are not skewed have a large one that holds hardly any sample on which the shortcut fails.
    Ties go to fewer clusters, then to the earlier checkpoint. Where no candidate is clear, the most skewed one that
    has a balanced set at all is taken.

    Args:
        candidates: clusterings that were tried, at least one.
        min_skew: least skew that counts as clear.
    """
    if not candidates:
        raise ValueError("there is nothing to choose from")

    def prefer_size(i: int) -> tuple[float, ...]:
        c = candidates[i]
        return -c.size, c.k, c.epoch

    def prefer_skew(i: int) -> tuple[float, ...]:
        c = candidates[i]
        return -c.skew, *prefer_size(i)

    of_all = f"of {len(candidates)} candidates"
    usable = [i for i, c in enumerate(candidates) if c.size > 0]
    clear = [i for i in usable if candidates[i].skew >= min_skew]
    if clear:
        index = min(clear, key=prefer_size)
        chosen = candidates[index]
        reason = (
            f"{_name(chosen)} gives the largest balanced set ({chosen.size:,}) among {len(clear)} {of_all} "
            f"with skew ≥ {min_skew:.2f}"
        )
        return Choice(index, reason, clear=True)
    index = min(usable or range(len(candidates)), key=prefer_skew)
    chosen = candidates[index]
    if usable:
        reason = (
            f"none {of_all} has both a balanced set and skew ≥ {min_skew:.2f}, so no shortcut is clearly seen; "
            f"{_name(chosen)} has the highest skew ({chosen.skew:.2f}) and a balanced set of {chosen.size:,}"
        )
    else:
        reason = (
            f"every one {of_all} has an empty balanced set; {_name(chosen)} has the highest skew ({chosen.skew:.2f})"
        )
    return Choice(index, reason, clear=False)


def _name(candidate: Candidate) -> str:
    return f"k = {candidate.k} at epoch {candidate.epoch:g}"
