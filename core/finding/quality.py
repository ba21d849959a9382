"""How far pseudo-groups can be trusted, judged without group labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from core.clustering.composition import Finding, Integers, minority_size
from core.clustering.kmeans import Floats
from core.config import Balance
from core.finding.balanced import draw_balanced
from core.finding.pseudo_groups import PseudoGroups
from core.groups import LEAST_IN_CELL

MARGIN = 0.02
"""A gain in worst-cell accuracy, or a loss on average, below this counts as none (ours)."""
TIE = 0.01
"""Finders whose cells differ less than this on average are equally good: twice what other draws make of it (ours)."""
LEAST_CONFLICTS = 10
"""Fewer conflict samples than this count as none (ours)."""
GUESSED = 1.5
"""Least gain of the worst cell, as a multiple of that by guesses: these vary in cells of few samples (ours)."""
TREATED = 3.0
"""The same for a network that is to replace ERM: cells of mislabelled samples have hard ones too, which it may learn,
and it may guess where it is least sure (ours; docs/methods.md has what was measured)."""
MOST_CONFLICTS = 0.5
"""Largest share of conflict samples: a shortcut that fails more often than it works is not one (ours)."""
PENALTY = 1e-3
"""L2 penalty per sample of the probe's logistic regression."""
MOST_DRAWN = 5_000
"""Maximum number of samples of a balanced set on which the probe fits a head."""
NO_SUPPORT = "no-support"
"""Code of the warning that a refitted head does not improve the worst cell."""
DRAWS = 5
"""Balanced sets whose heads the probe averages: with few conflict samples, one draw may be lucky (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Representation of one network for the training and validation samples, with labels and predictions.

    Attributes:
        train: [n, d].
        validation: [m, d].
        train_labels: [n].
        labels: of the validation samples, [m].
        predicted: class that the network predicts for the validation samples, [m].
        n_classes: number of classes.
    """

    train: Floats
    validation: Floats
    train_labels: Integers
    labels: Integers
    predicted: Integers
    n_classes: int


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of pseudo-groups without group labels; accuracies are on the validation split, NaN if unknown.

    Attributes:
        conflicts: presumed conflict samples of the training split.
        size: entries of the balanced set under rule `min`.
        worst_cell: worst-cell accuracy of the network as it is.
        probed: worst-cell accuracy after its head is refitted on the balanced set.
        average: accuracy of the network as it is.
        probed_average: accuracy after the refit.
        cells: mean accuracy of the cells of the network as it is.
        probed_cells: mean accuracy of the cells after the refit.
    """

    conflicts: int
    size: int
    worst_cell: float
    probed: float
    average: float
    probed_average: float
    cells: float = nan
    probed_cells: float = nan

    @property
    def gain(self) -> float:
        """Gain of the worst cell by the refit; NaN if unknown."""
        return self.probed - self.worst_cell


def beats_guessing(
    before: tuple[float, float], after: tuple[float, float], chance: float, times: float = GUESSED
) -> bool:
    """Whether the worst cell gains clearly more by a treatment than by random guesses that cost as much on average.

    If a share s of the predictions becomes random, the worst cell gains s · (chance − worst cell), and the average
    loses s · (average − chance). So a cell of mislabelled samples gains by any head that has learned nothing.

    Args:
        before: worst-cell and average accuracy without the treatment.
        after: both with it.
        chance: accuracy of guesses.
        times: least gain as a multiple of that by guesses.
    """
    (cell, average), (new_cell, new_average) = before, after
    lost, room = average - new_average, chance - cell
    return room <= 0 or not times * lost * room > (new_cell - cell) * (average - chance)


def cell_accuracies(predicted: Integers, labels: Integers, groups: Integers, k: int, n_classes: int) -> Floats:
    """Accuracy of every (pseudo-group, label) with enough samples, [cells].

    Args:
        predicted: [m].
        labels: [m].
        groups: pseudo-group of every sample, 0 ≤ value < k, or −1 for one that is left out, [m].
        k: number of pseudo-groups.
        n_classes: number of classes.
    """
    known = groups >= 0
    predicted, labels = predicted[known], labels[known]
    cell = groups[known] * n_classes + labels
    sizes = np.bincount(cell, minlength=k * n_classes)
    hits = np.bincount(cell[predicted == labels], minlength=k * n_classes)
    enough = sizes >= LEAST_IN_CELL
    accuracies: Floats = (hits[enough] / sizes[enough]).astype(np.float32)
    return accuracies


def worst_cell(predicted: Integers, labels: Integers, groups: Integers, k: int, n_classes: int) -> float:
    """The lowest of `cell_accuracies`; NaN if no cell has enough samples."""
    accuracies = cell_accuracies(predicted, labels, groups, k, n_classes)
    return float(accuracies.min()) if len(accuracies) else nan


def refitted(found: PseudoGroups, features: Features, seed: int, draws: int = 1) -> Integers | None:
    """Predict the validation samples, [m], with a head refitted on the balanced set; None if that set is too small.

    Args:
        found: pseudo-groups.
        features: of the network.
        seed: of the first draw of the balanced set; each further one adds 1.
        draws: balanced sets, each with a head; the heads are averaged.
    """
    from core.training.head import fit_head

    labels, heads = features.train_labels, []
    for each in range(seed, seed + draws):
        drawn = draw_balanced(found, labels, features.n_classes, Balance(), each).indices
        if len(drawn) < LEAST_CONFLICTS:
            return None
        if len(drawn) > MOST_DRAWN:
            drawn = np.random.default_rng(each).choice(drawn, MOST_DRAWN, replace=False)
        heads.append(fit_head(features.train[drawn], labels[drawn], np.ones(len(drawn), np.float32), PENALTY))
    weight, bias = (np.mean(of, axis=0) for of in zip(*heads, strict=True))
    predicted: Integers = (features.validation @ weight.T + bias).argmax(1)
    return predicted


@dataclass(frozen=True, slots=True)
class _Judged:
    """Accuracies of some predictions: the worst cell, the mean of the cells, and all samples."""

    worst: float
    cells: float
    average: float


_UNKNOWN = _Judged(nan, nan, nan)


class Probe:
    """Judges pseudo-groups by the head of the network, refitted on the balanced set of each.

    Accuracies of cells are means over the partitions of all candidates that have pseudo-groups on validation, so that
    they can be compared: a candidate that only finds hard samples does not improve the cells of the others.

    Args:
        candidates: pseudo-groups by different finders.
        features: of the network.
        seed: of the draws.
        draws: balanced sets for each candidate, see `refitted`.
    """

    def __init__(self, candidates: Sequence[PseudoGroups], features: Features, seed: int, draws: int = 1) -> None:
        self._partitions = [(c.validation, len(c.names)) for c in candidates if c.validation is not None]
        self._features = features
        self._seed = seed
        self._draws = draws
        self._before = self._judged(features.predicted)

    def __call__(self, candidate: PseudoGroups) -> Quality:
        """Judge one of the candidates."""
        features = self._features
        probe = refitted(candidate, features, self._seed, self._draws)
        before, after = self._before, _UNKNOWN if probe is None else self._judged(probe)
        table = candidate.table(features.train_labels, features.n_classes)
        size = minority_size(table, per_class=candidate.per_class)
        return Quality(
            int(candidate.conflicts.sum()),
            size,
            worst_cell=before.worst,
            probed=after.worst,
            average=before.average,
            probed_average=after.average,
            cells=before.cells,
            probed_cells=after.cells,
        )

    def _judged(self, predicted: Integers) -> _Judged:
        """Accuracies on validation."""
        labels, n_classes = self._features.labels, self._features.n_classes
        every = [cell_accuracies(predicted, labels, of, k, n_classes) for of, k in self._partitions]
        known = [of for of in every if len(of)]
        average = float((predicted == labels).mean())
        if not known:
            return _Judged(nan, nan, average)
        return _Judged(float(np.mean([of.min() for of in known])), float(np.mean([of.mean() for of in known])), average)


def assess(candidates: Sequence[PseudoGroups], features: Features, seed: int) -> list[Quality]:
    """Judge all candidates; see `Probe`."""
    probe = Probe(candidates, features, seed, DRAWS)
    return [probe(candidate) for candidate in candidates]


def best(qualities: Sequence[Quality]) -> int:
    """Index of the candidate whose probe has the best cells on average; the first one in a tie within `TIE`.

    Not the worst cell: a head that is refitted on few conflict samples may be the best there, and yet these are too few
    for what comes after the probe (measured on digits and Waterbirds, docs/methods.md).
    """
    values = [-1.0 if np.isnan(q.probed_cells) else q.probed_cells for q in qualities]
    return next(i for i, value in enumerate(values) if value >= max(values) - TIE)


def doubts(found: PseudoGroups, quality: Quality, n: int, n_classes: int) -> list[Finding]:
    """Return the most serious reason not to trust pseudo-groups, if there is any; no attribute is used.

    Args:
        found: pseudo-groups.
        quality: of them.
        n: training samples.
        n_classes: number of classes.
    """
    if quality.conflicts < LEAST_CONFLICTS:
        return [
            Finding(
                "nothing-found",
                f"The finder ({found.source}) found {quality.conflicts:,} samples that contradict a shortcut, too few "
                "to learn from: there may be no shortcut, or the finder cannot see it; try another one (find.by).",
            )
        ]
    if quality.conflicts > MOST_CONFLICTS * n and not found.per_class:
        return [
            Finding(
                "everything-found",
                f"The finder ({found.source}) says that {quality.conflicts:,} of {n:,} samples contradict the "
                "shortcut; a shortcut that fails so often is not one; try another finder (find.by).",
            )
        ]
    if np.isnan(quality.worst_cell):
        return []
    if quality.average - quality.worst_cell < MARGIN:
        return [
            Finding(
                "no-gap",
                f"The network is about as good in its worst cell ({quality.worst_cell:.1%}) as on average "
                f"({quality.average:.1%}; validation, no group labels used): these pseudo-groups ({found.source}) do "
                "not show a shortcut that hurts it; the run may have nothing to improve.",
            )
        ]
    cell = f"({quality.worst_cell:.1%} → {quality.probed:.1%}"
    if quality.gain < MARGIN:
        what = f"does not improve the worst cell on validation {cell})"
    elif not beats_guessing(
        (quality.worst_cell, quality.average), (quality.probed, quality.probed_average), 1 / n_classes
    ):
        average = f"{quality.average:.1%} → {quality.probed_average:.1%}"
        what = (
            f"is no better than guessing, which would also gain in the worst cell {cell}) for such a loss on average "
            f"({average}; validation)"
        )
    else:
        return []
    return [
        Finding(
            NO_SUPPORT,
            f"A head refitted on the balanced set {what}: these pseudo-groups ({found.source}) may be hard or "
            "mislabelled samples instead of a shortcut; compare the result with ERM before you use it, or try another "
            "finder (find.by).",
        )
    ]
