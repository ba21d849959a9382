from typing import get_args

import numpy as np
import pytest

from core.clustering.balance import BalancedSet, balanced_set
from core.clustering.composition import Rule, composition, minority_size, quota

RULES = get_args(Rule)
TABLE = np.array([[700, 40, 9], [13, 300, 11], [60, 60, 60], [50, 0, 20], [0, 0, 0]])


def samples(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Assignments and labels with the given composition, in mixed order."""
    cluster, label = (np.repeat(axis.ravel(), table.ravel()) for axis in np.indices(table.shape))
    order = np.random.default_rng(1).permutation(table.sum())
    return cluster[order], label[order]


def draw(rule: Rule, table: np.ndarray = TABLE, *, cap: float = 2.0, seed: int = 0, per_class: bool = False):
    assignments, labels = samples(table)
    found = balanced_set(assignments, labels, *table.shape, rule=rule, cap=cap, seed=seed, per_class=per_class)
    return found, assignments, labels


def mass(found: BalancedSet, assignments: np.ndarray, labels: np.ndarray, table: np.ndarray = TABLE) -> np.ndarray:
    """Weight that each cell has in the set, added entry by entry."""
    total = np.zeros(table.shape)
    for i, w in zip(found.indices, found.weights, strict=True):
        total[assignments[i], labels[i]] += w
    return total


@pytest.mark.parametrize("rule", RULES)
def test_every_cluster_is_balanced_and_one_that_lacks_a_class_gives_nothing(rule: Rule):
    found, assignments, labels = draw(rule)
    total = mass(found, assignments, labels)
    np.testing.assert_allclose(total, np.repeat(total[:, :1], 3, axis=1), rtol=1e-5)
    assert (total[:3] > 0).all()
    assert (total[3:] == 0).all()


@pytest.mark.parametrize("rule", RULES)
def test_the_table_counts_what_was_drawn_and_is_the_quota(rule: Rule):
    found, assignments, labels = draw(rule)
    assert (composition(assignments[found.indices], labels[found.indices], 5, 3) == found.table).all()
    assert (found.table == quota(TABLE, rule)).all()
    assert (np.diff(found.indices) >= 0).all()
    assert found.weights.mean() == pytest.approx(1, rel=1e-5)
    assert (found.indices.dtype, found.weights.dtype, found.table.dtype) == (np.int64, np.float32, np.int64)


@pytest.mark.parametrize("rule", RULES)
def test_samples_of_a_cell_are_repeated_as_evenly_as_whole_numbers_allow(rule: Rule):
    found, assignments, labels = draw(rule, cap=3.7)
    times = np.bincount(found.indices, minlength=len(labels))
    for c in range(3):
        for y in range(3):
            here = times[(assignments == c) & (labels == y)]
            assert here.max() - here.min() <= 1


def test_min_repeats_nothing_and_has_the_size_foretold():
    found, _, _ = draw("min")
    assert len(np.unique(found.indices)) == len(found.indices) == minority_size(TABLE) == 3 * (9 + 11 + 60)


def test_over_uses_every_sample_of_the_clusters_that_give():
    found, assignments, _ = draw("over")
    assert set(found.indices) == set(np.flatnonzero(assignments < 3))


def test_weights_takes_every_sample_once_and_weighs_a_cell_in_proportion_to_what_min_takes():
    found, assignments, labels = draw("weights")
    assert (found.indices == np.flatnonzero(assignments < 3)).all()
    expected = quota(TABLE, "min") * (len(found.indices) / minority_size(TABLE))
    np.testing.assert_allclose(mass(found, assignments, labels), expected, rtol=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_clusters_of_one_class_each_give_an_empty_set(rule: Rule):
    found, _, _ = draw(rule, np.array([[30, 0], [0, 20]]))
    assert found.indices.size == found.weights.size == found.table.sum() == 0


@pytest.mark.parametrize("rule", ["min", "cap", "over"])
def test_the_seed_decides_the_draw(rule: Rule):
    one, again, other = draw(rule)[0], draw(rule)[0], draw(rule, seed=1)[0]
    assert (one.indices == again.indices).all()
    assert (one.indices != other.indices).any()


def test_min_draws_every_sample_of_a_cell_equally_often():
    assignments, labels = samples(np.array([[20, 5]]))
    times = np.zeros(25)
    for seed in range(2000):
        found = balanced_set(assignments, labels, 1, 2, rule="min", cap=1, seed=seed)
        times[found.indices] += 1
    # Binomial(2000, 1/4): 500 ± 19; five deviations.
    assert (abs(times[labels == 0] - 500) < 97).all()
    assert (times[labels == 1] == 2000).all()


@pytest.mark.parametrize("rule", RULES)
def test_per_class_clusters_balance_classes_over_all_and_clusters_within_a_class(rule: Rule):
    table = np.array([[300, 0], [40, 0], [25, 0], [0, 90], [0, 35], [0, 0]])
    found, assignments, labels = draw(rule, table, per_class=True)
    total = mass(found, assignments, labels, table)
    assert total[:, 0].sum() == pytest.approx(total[:, 1].sum(), rel=1e-5)
    np.testing.assert_allclose(total[:3, 0], total[:3, 0].mean(), atol=1)
    np.testing.assert_allclose(total[3:5, 1], total[3:5, 1].mean(), atol=1)
    times = np.bincount(found.indices, minlength=len(labels))
    if rule == "min":
        assert times.max() == 1
    if rule in ("over", "weights"):
        assert times.min() >= 1


def test_weights_per_class_do_not_round():
    # One sample of class 1 caps `min` at a total of 1, yet each of the three clusters of class 0 has its third.
    table = np.array([[300, 0], [40, 0], [25, 0], [0, 1]])
    found, assignments, labels = draw("weights", table, per_class=True)
    expected = np.array([[1, 0], [1, 0], [1, 0], [0, 3]]) * (366 / 6)
    np.testing.assert_allclose(mass(found, assignments, labels, table), expected, rtol=1e-4)
