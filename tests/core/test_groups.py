"""Accuracy per group, as maths."""

from math import isnan

import orjson
import pytest

from core.groups import Evaluation, Group, group_titles, wilson_interval

Z = 1.959963984540054


def evaluation(*counts, shares=None):
    """Two labels by two colours: counts are (n, correct) in the order of the group numbers."""
    titles = group_titles(["a", "b"], {"colour": ["red", "green"]})
    groups = tuple(Group(*title, n, correct) for title, (n, correct) in zip(titles, counts, strict=True))
    return Evaluation("test", groups, tuple(shares or [0.25] * 4))


@pytest.mark.parametrize(
    ("correct", "n"), [(0, 10), (1, 10), (5, 10), (9, 10), (10, 10), (81, 263), (1, 1), (700, 701)]
)
def test_the_ends_of_the_interval_solve_the_score_equation(correct, n):
    """Wilson: the ends are the p for which |correct/n − p| is z standard errors of a sample from p itself."""
    for end in wilson_interval(correct, n):
        assert n * (correct / n - end) ** 2 == pytest.approx(Z**2 * end * (1 - end), abs=1e-9)


def test_the_interval_has_published_values():
    assert wilson_interval(0, 10) == pytest.approx((0, Z**2 / (10 + Z**2)))
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)  # the same


@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_the_interval_is_symmetric_and_contains_the_share(n):
    for correct in range(n + 1):
        low, high = wilson_interval(correct, n)
        mirrored = wilson_interval(n - correct, n)
        assert (1 - high, 1 - low) == pytest.approx(mirrored)
        assert 0 <= low <= correct / n <= high <= 1
        assert low < high


def test_more_samples_narrow_the_interval_and_more_confidence_widens_it():
    widths = [high - low for low, high in (wilson_interval(3 * m, 4 * m) for m in (1, 2, 10, 100, 10_000))]
    assert widths == sorted(widths, reverse=True)
    (low, high), (lower, higher) = wilson_interval(3, 4), wilson_interval(3, 4, z=3)
    assert lower < low < high < higher


def test_without_samples_nothing_is_known():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert isnan(Group("a", {}, 0, 0).accuracy)


def test_averages_worst_group_and_gap_of_a_case_done_by_hand():
    e = evaluation((100, 90), (50, 10), (25, 5), (25, 20), shares=[0.5, 0.1, 0.1, 0.3])
    assert e.n == 200
    assert e.average == pytest.approx(125 / 200)
    assert e.adjusted_average == pytest.approx(0.5 * 0.9 + 0.1 * 0.2 + 0.1 * 0.2 + 0.3 * 0.8)
    assert e.worst_group is e.groups[1]  # the first of two with 20 %
    assert e.gap == pytest.approx(125 / 200 - 0.2)
    assert e.worst_class_accuracy == pytest.approx(25 / 50)  # b; a has 100 of 150


def test_training_shares_equal_to_those_of_the_split_adjust_nothing():
    e = evaluation((100, 90), (50, 10), (25, 5), (25, 20), shares=[0.5, 0.25, 0.125, 0.125])
    assert e.adjusted_average == pytest.approx(e.average)


def test_empty_groups_are_neither_worst_nor_averaged():
    e = evaluation((0, 0), (10, 4), (0, 0), (30, 27), shares=[0.7, 0.1, 0.1, 0.1])
    assert e.worst_group is e.groups[1]
    assert e.average == pytest.approx(31 / 40)
    assert e.adjusted_average == pytest.approx((0.4 + 0.9) / 2)
    assert e.worst_class_accuracy == pytest.approx(0.4)


def test_a_group_of_no_training_share_still_counts_as_worst():
    e = evaluation((10, 9), (10, 9), (10, 9), (10, 0), shares=[0.5, 0.25, 0.25, 0])
    assert e.worst_group is e.groups[3]
    assert e.adjusted_average == pytest.approx(0.9)


def test_an_evaluation_survives_json():
    e = evaluation((100, 90), (50, 10), (0, 0), (25, 20), shares=[0.5, 0.1, 0.1, 0.3])
    text = orjson.dumps(e.to_json())
    assert Evaluation.from_json("test", orjson.loads(text)) == e
    value = orjson.loads(text)
    assert value["worst_group"] == {"label": "a", "attributes": {"colour": "green"}, "accuracy": 0.2}
    assert value["groups"][2] == {
        "label": "b",
        "attributes": {"colour": "red"},
        "n": 0,
        "correct": 0,
        "accuracy": None,
        "low": None,
        "high": None,
    }
    assert (value["groups"][0]["low"], value["groups"][0]["high"]) == pytest.approx(wilson_interval(90, 100))


def test_titles_count_the_label_slowest_and_the_last_attribute_fastest():
    titles = group_titles(["0", "1"], {"colour": ["red", "green"], "patch": ["on", "off", "half"]})
    assert len(titles) == 12
    for number, (label, attributes) in enumerate(titles):
        assert label == ["0", "1"][number // 6]
        assert attributes == {"colour": ["red", "green"][number // 3 % 2], "patch": ["on", "off", "half"][number % 3]}
        assert list(attributes) == ["colour", "patch"]


def test_without_attributes_a_group_is_a_label():
    assert group_titles(["x", "y"], {}) == [("x", {}), ("y", {})]
    assert Group("x", {}, 1, 1).title == "x"
    assert Group("x", {"colour": "red", "patch": "on"}, 1, 1).title == "x · red · on"


def test_an_empty_split_has_no_average():
    e = evaluation(*[(0, 0)] * 4)
    assert isnan(e.average)
    assert isnan(e.adjusted_average)
