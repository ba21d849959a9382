import numpy as np
import pytest

from core.clustering.composition import (
    balance_warnings,
    cluster_warnings,
    composition,
    minority_size,
    one_class_warning,
    quota,
    skew,
)


def test_composition_equals_a_double_loop():
    rng = np.random.default_rng(0)
    assignments, labels = rng.integers(0, 5, 400), rng.integers(0, 3, 400)
    table = composition(assignments, labels, 6, 3)
    plain = [[sum((assignments == c) & (labels == y)) for y in range(3)] for c in range(6)]
    assert table.tolist() == plain
    assert table.dtype == np.int64
    assert table[5].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("assignments", "labels"), [([0, 2], [0, 0]), ([0, 1], [0, 2]), ([0, -1], [0, 1])])
def test_numbers_out_of_range_are_misuse(assignments: list[int], labels: list[int]):
    with pytest.raises(ValueError, match="must lie in 0 … 1"):
        composition(np.array(assignments), np.array(labels), 2, 2)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[10, 0], [0, 30]], 1.0),
        ([[10, 10], [30, 30]], 0.5),
        ([[90, 10], [30, 270]], 0.9),
        ([[90, 10], [50, 250]], (90 + 250) / 400),  # weighted by size, not the mean of 0.9 and 0.83
        ([[7, 7, 7, 7]], 0.25),
        ([[3, 1], [0, 0]], 0.75),
        ([[0, 0]], 0.0),
    ],
)
def test_skew_has_its_closed_form(table: list[list[int]], expected: float):
    assert skew(np.array(table)) == pytest.approx(expected)


def test_minority_size_counts_the_smallest_class_of_each_cluster_once_per_class():
    assert minority_size(np.array([[90, 10, 40], [5, 0, 300], [20, 30, 25]])) == 3 * (10 + 0 + 20)


def test_quota_of_every_rule_by_hand():
    table = np.array([[9, 2], [4, 4], [7, 0]])
    assert quota(table, "min").tolist() == [[2, 2], [4, 4], [0, 0]]
    assert quota(table, "over").tolist() == [[9, 9], [4, 4], [0, 0]]
    assert quota(table, "cap", cap=3).tolist() == [[6, 6], [4, 4], [0, 0]]
    assert quota(table, "cap", cap=1).tolist() == quota(table, "min").tolist()
    assert quota(table, "weights").tolist() == [[9, 2], [4, 4], [0, 0]]
    with pytest.raises(ValueError, match="cap"):
        quota(table, "cap", cap=0.5)


def test_quota_per_class_gives_classes_equal_totals_and_their_clusters_equal_shares():
    # Two clusters of class 0; two of class 1, one of them empty.
    table = np.array([[30, 0], [8, 0], [0, 21], [0, 0]])
    assert quota(table, "min", per_class=True).tolist() == [[8, 0], [8, 0], [0, 16], [0, 0]]
    assert quota(table, "over", per_class=True).tolist() == [[30, 0], [30, 0], [0, 60], [0, 0]]
    assert quota(table, "cap", cap=1.5, per_class=True).tolist() == [[12, 0], [12, 0], [0, 24], [0, 0]]
    assert quota(table, "weights", per_class=True).tolist() == table.tolist()
    assert minority_size(table, per_class=True) == 32
    assert quota(table[:2], "min", per_class=True).sum() == 0


def test_quota_per_class_stays_exact_where_totals_do_not_divide():
    table = np.array([[5, 0], [7, 0], [0, 3], [0, 3], [0, 3]])
    taken = quota(table, "min", per_class=True)
    assert taken.sum(axis=0).tolist() == [9, 9]
    assert (taken <= table).all()
    assert taken[:2, 0].tolist() == [5, 4]


def codes(table: list[list[int]], balanced: list[list[int]] | None = None, **options: object) -> list[str]:
    counts = np.array(table)
    taken = quota(counts, "min", per_class=bool(options.get("per_class"))) if balanced is None else np.array(balanced)
    labels = ["land", "water"]
    found = cluster_warnings(counts, labels=labels, min_skew=0.8, **options)  # type: ignore[arg-type]
    return [alarm.code for alarm in (*found, *balance_warnings(counts, taken, labels=labels, warn_below=10))]


def test_healthy_clusters_raise_no_alarm():
    assert codes([[900, 50], [40, 800]]) == []


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[900, 50], [40, 800], [0, 0]], ["empty-cluster"]),
        ([[500, 400], [400, 500]], ["no-clear-skew"]),
        ([[900, 9], [4, 800]], []),
        ([[900, 5], [4, 800]], ["small-balanced-set"]),
        ([[900, 50], [800, 0], [700, 0]], ["starved-class"]),
        ([[900, 0], [0, 800]], ["empty-balanced-set"]),
    ],
)
def test_each_doubt_has_its_alarm(table: list[list[int]], expected: list[str]):
    assert codes(table) == expected


def test_repeats_do_not_hide_how_few_samples_a_class_has():
    table = [[900, 5], [40, 4]]
    assert codes(table, balanced=[[900, 900], [40, 40]]) == ["small-balanced-set", "starved-class"]


def test_clusters_per_class_are_not_blamed_for_holding_one_class():
    assert codes([[90, 0], [80, 0], [0, 70], [0, 60]], per_class=True) == []


def test_a_class_that_most_clusters_lack_is_named_once():
    table = np.array([[50, 5, 20], [50, 5, 0], [50, 5, 0]])
    labels = ["a", "b", "c"]
    found = cluster_warnings(table, labels=labels, min_skew=0)
    found += balance_warnings(table, quota(table, "min"), labels=labels, warn_below=0)
    assert [alarm.code for alarm in found] == ["starved-class"]
    assert found[0].text.startswith("Class 'c' is missing from 2 of 3 clusters")


def test_texts_carry_the_numbers_and_what_to_try():
    table = np.array([[900, 5], [4, 800], [0, 70], [0, 0]])
    labels = ["land", "water"]
    found = cluster_warnings(table, labels=labels, min_skew=0.999)
    found += balance_warnings(table, quota(table, "min"), labels=labels, warn_below=200)
    texts = {alarm.code: alarm.text for alarm in found}
    assert "1 of 4 clusters is empty (3)" in texts["empty-cluster"]
    assert "0.99 of a cluster on average, less than 1.00" in texts["no-clear-skew"]
    assert "'land' has 9 different samples in the balanced set, fewer than 200" in texts["small-balanced-set"]
    assert all(text.endswith(".") for text in texts.values())
    assert all(("find.by" if code == "small-balanced-set" else "cluster.k") in text for code, text in texts.items())


def test_pseudo_groups_of_one_class_are_named_and_counted():
    table = np.array([[900, 5], [4, 800], [0, 70], [0, 0]])
    alarm = one_class_warning(table, ("a", "b", "c", "d"))
    assert alarm is not None
    assert alarm.code == "one-class-group"
    assert alarm.text.startswith("1 of 4 pseudo-groups has one class only (c): their 70 samples (4%) are not in ")
    assert one_class_warning(table[:2], ("a", "b")) is None
    assert one_class_warning(np.array([[9], [8]]), ("a", "b")) is None


def test_a_long_list_of_clusters_is_cut():
    table = np.array([[900, 50], [40, 800]] + [[0, 0]] * 20)
    (alarm,) = cluster_warnings(table, labels=["a", "b"], min_skew=0)
    assert "20 of 22 clusters are empty (2, 3, 4, 5, 6, 7, 8, 9, …)" in alarm.text
