from dataclasses import replace

import pytest

from core.clustering.choice import Candidate, choose

# Shapes of the measured curves: the balanced set grows with k, then collapses, and is larger for earlier features.
CURVE = [
    Candidate(0.5, 2, 2536, 0.93),
    Candidate(0.5, 4, 2660, 0.94),
    Candidate(0.5, 8, 2310, 0.95),
    Candidate(0.5, 16, 1440, 0.97),
    Candidate(1.0, 2, 1924, 0.94),
    Candidate(1.0, 4, 2390, 0.95),
    Candidate(1.0, 16, 900, 0.98),
]
UNTRAINED = [Candidate(0.0, 2, 26_000, 0.52), Candidate(0.0, 16, 25_100, 0.56)]


def test_the_largest_balanced_set_of_a_curve_is_taken_and_the_reason_says_so():
    choice = choose(CURVE, 0.8)
    assert (choice.index, choice.clear) == (1, True)
    assert choice.reason == (
        "k = 4 at epoch 0.5 gives the largest balanced set (2,660) among 7 of 7 candidates with skew ≥ 0.80"
    )


def test_a_probe_decides_instead_of_the_size_and_ties_go_to_the_larger_set():
    probed = [replace(c, probed=value) for c, value in zip(CURVE, (0.46, 0.5, 0.55, 0.48, 0.55, 0.5, 0.4), strict=True)]
    choice = choose([*UNTRAINED, *probed], 0.8)
    assert choice.index == len(UNTRAINED) + 2
    assert choice.reason == (
        "k = 8 at epoch 0.5 gives the best worst cell on validation (55.0% with a head refitted on its balanced set) "
        "among 7 of 9 candidates with skew ≥ 0.80"
    )


def test_huge_balanced_sets_of_untrained_features_are_refused():
    candidates = [*UNTRAINED, *CURVE]
    choice = choose(candidates, 0.8)
    assert candidates[choice.index] == CURVE[1]
    assert "7 of 9 candidates" in choice.reason


def test_a_skew_of_just_the_threshold_is_clear():
    assert choose([Candidate(1, 2, 100, 0.8)], 0.8).clear


def test_ties_go_to_fewer_clusters_then_to_the_earlier_checkpoint():
    candidates = [
        Candidate(0.25, 4, 500, 0.9),
        Candidate(1.0, 2, 500, 0.9),
        Candidate(0.5, 2, 500, 0.9),
        Candidate(0.25, 2, 499, 0.99),
    ]
    assert choose(candidates, 0.8).index == 2
    assert choose(candidates[::-1], 0.8).index == 1


def test_without_a_clear_candidate_the_most_skewed_is_taken_and_the_doubt_is_said():
    choice = choose(UNTRAINED, 0.8)
    assert (choice.index, choice.clear) == (1, False)
    assert choice.reason == (
        "none of 2 candidates has both a balanced set and skew ≥ 0.80, so no shortcut is clearly visible; "
        "k = 16 at epoch 0 has the highest skew (0.56) and a balanced set of 25,100"
    )


def test_clusters_of_one_class_each_are_never_preferred_to_a_set_that_exists():
    choice = choose([Candidate(2, 16, 0, 1.0), Candidate(2, 2, 300, 0.7), Candidate(2, 4, 200, 0.6)], 0.8)
    assert (choice.index, choice.clear) == (1, False)


def test_where_every_balanced_set_is_empty_the_reason_says_so():
    choice = choose([Candidate(2, 2, 0, 1.0), Candidate(1, 2, 0, 1.0)], 0.8)
    assert (choice.index, choice.clear) == (1, False)
    assert choice.reason == (
        "each of 2 candidates has an empty balanced set; k = 2 at epoch 1 has the highest skew (1.00)"
    )


def test_no_candidates_are_misuse():
    with pytest.raises(ValueError, match="no candidates"):
        choose([], 0.8)
