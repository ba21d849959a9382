"""Draw the balanced set from pseudo-groups."""

from dataclasses import replace

from core.clustering.balance import BalancedSet, balanced_set
from core.clustering.composition import Integers
from core.config import Balance
from core.finding.pseudo_groups import PseudoGroups


def draw_balanced(groups: PseudoGroups, labels: Integers, n_classes: int, settings: Balance, seed: int) -> BalancedSet:
    """Draw a set with balanced classes in every pseudo-group; its indices count all training samples.

    Args:
        groups: pseudo-groups of the training samples; samples that are in none are left out.
        labels: classes of all training samples, [n].
        n_classes: number of classes.
        settings: rule of the draw.
        seed: of the draw.
    """
    used = groups.used
    drawn = balanced_set(
        groups.train[used],
        labels[used],
        len(groups.names),
        n_classes,
        rule=settings.rule,
        cap=settings.cap,
        seed=seed,
        per_class=groups.per_class,
    )
    return replace(drawn, indices=used[drawn.indices])
