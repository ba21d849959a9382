"""Paired differences over seeds: intervals, tests, correction, wins and losses."""

from itertools import product
from math import atan, pi, sqrt

import pytest

from core.results.significance import LEAST_FOR_WILCOXON, holm, interval, p_value, verdicts
from core.spread import spread

SOME = [0.02, 0.05, -0.01, 0.07, 0.03]


def exact_wilcoxon(differences):
    """Share of all assignments of signs with a rank sum at least as far from its mean; equal ranks are averaged."""
    known = [d for d in differences if d]
    sizes = sorted(abs(d) for d in known)
    ranks = [sum(i + 1 for i, s in enumerate(sizes) if s == abs(d)) / sizes.count(abs(d)) for d in known]
    middle = sum(ranks) / 2
    seen = abs(sum(r for r, d in zip(ranks, known, strict=True) if d > 0) - middle)
    sums = [sum(r for r, up in zip(ranks, signs, strict=True) if up) for signs in product((0, 1), repeat=len(ranks))]
    return sum(abs(total - middle) >= seen - 1e-9 for total in sums) / len(sums)


@pytest.mark.parametrize("differences", [SOME, [0.1, 0.3], [-0.2, 0.1, -0.4], [1e-3 * n for n in range(-3, 20)]])
def test_the_t_test_and_its_interval_are_those_of_scipy(differences):
    from scipy.stats import ttest_1samp

    known = ttest_1samp(differences, 0.0)
    assert p_value(differences, "t") == pytest.approx(known.pvalue, rel=1e-10)
    ends = known.confidence_interval(0.95)
    assert interval(differences) == pytest.approx((ends.low, ends.high), rel=1e-10)


def test_with_two_seeds_p_and_interval_have_a_closed_form():
    # Student's t with one degree of freedom is Cauchy's distribution, whose 97.5 % quantile is 12.7062.
    differences = [0.1, 0.3]
    t = 0.2 / (spread(differences).sd / sqrt(2))
    assert p_value(differences) == pytest.approx(1 - 2 * atan(t) / pi)
    assert interval(differences) == pytest.approx((0.2 - 12.70620 * 0.1, 0.2 + 12.70620 * 0.1), rel=1e-5)


@pytest.mark.parametrize(
    "differences",
    [SOME, [0.01, 0.02, 0.03, 0.04, 0.05, 0.06], [0.02, 0.02, -0.01, 0.05, 0.0, 0.03], [0.01, -0.01, 0.03]],
    ids=["five", "six", "ties and a zero", "three"],
)
def test_wilcoxon_counts_all_assignments_of_signs(differences):
    assert p_value(differences, "wilcoxon") == pytest.approx(exact_wilcoxon(differences))


def test_wilcoxon_reaches_five_per_cent_with_six_differences_and_not_with_five():
    assert LEAST_FOR_WILCOXON == 6
    assert p_value([0.1 * n for n in range(1, 6)], "wilcoxon") == pytest.approx(2 / 2**5)
    assert p_value([0.1 * n for n in range(1, 7)], "wilcoxon") == pytest.approx(2 / 2**6)


@pytest.mark.parametrize("test", ["t", "wilcoxon"])
@pytest.mark.parametrize("differences", [[0.3], [0.3, 0.3, 0.3], [0.0, 0.0]], ids=["one", "all the same", "all zero"])
def test_without_spread_there_is_no_test(differences, test):
    (verdict,) = verdicts([differences], test)
    assert (verdict.p, verdict.corrected, verdict.interval) == (None, None, None)
    assert verdict.difference.mean == pytest.approx(differences[0])


def test_float_noise_makes_neither_a_spread_nor_a_win():
    noisy = [0.3 - (0.1 + 0.2), 0.0, 0.7 - 0.6 - 0.1]
    assert set(noisy) != {0.0}
    (verdict,) = verdicts([noisy], "t")
    assert (verdict.wins, verdict.ties, verdict.losses, verdict.p) == (0, 3, 0, None)


def test_wins_ties_and_losses_are_counted_by_seed():
    (verdict,) = verdicts([[0.1, 0.0, -0.2, 0.3, 0.0, 0.001]])
    assert (verdict.wins, verdict.ties, verdict.losses) == (3, 2, 1)


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04: 4 × .01, 3 × .02, 2 × .03, 1 × .04, then the running maximum.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.001, 0.5, 0.6]) == pytest.approx([0.003, 1.0, 1.0])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_what_was_not_tested_does_not_count_for_holm():
    assert holm([None, 0.01, None, 0.04]) == [None, pytest.approx(0.02), None, pytest.approx(0.04)]
    first, second, third = verdicts([SOME, [0.3], [-x for x in SOME]])
    assert first.corrected == pytest.approx(2 * first.p)
    assert second.corrected is None
    assert third.corrected == pytest.approx(2 * third.p)
