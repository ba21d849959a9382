import numpy as np
import pytest

from core.errors import InputError, StageError
from core.finding.pseudo_groups import conflict_samples
from core.invariance.environments import Environments, at_random, by_number, infer, require_two
from core.invariance.makeup import Quality, environment_warnings, makeup, penalty_warning, quality, reference_warning

#               cluster 0: three of label 0, one of 1 | cluster 1: one of 0, four of 1 | cluster 2: label 1 only
CLUSTERS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2])
LABELS = np.array([0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1])
CONFLICTS = [2, 6]


def conflicts():
    return conflict_samples(CLUSTERS, LABELS, 3, 2)


def inferred(rule, seed=0, **options):
    return infer(rule, conflicts(), CLUSTERS, LABELS, seed=seed, **options)


def large(n=4000, seed=0):
    """Two clusters that follow an attribute, which goes with the label on 85 % of the samples."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    attribute = np.where(random.random(n) < 0.15, 1 - labels, labels)
    return attribute, labels


def test_minority_and_balance():
    minority, balance = inferred("minority-balance").samples
    assert minority.tolist() == CONFLICTS
    assert set(CONFLICTS) < set(balance.tolist())
    partners = sorted(set(balance.tolist()) - set(CONFLICTS))
    assert [CLUSTERS[i] for i in partners] == [0, 1]  # one for each conflict, of its cluster; none from cluster 2
    assert [LABELS[i] for i in partners] == [0, 1]


def test_every_cluster_of_balance_has_both_labels_alike():
    clusters, labels = large()
    found = conflict_samples(clusters, labels, 2, 2)
    _, balance = infer("minority-balance", found, clusters, labels, seed=1).samples
    table = np.histogram2d(clusters[balance], labels[balance], bins=2)[0]
    assert table[0, 0] == table[0, 1] > 0
    assert table[1, 0] == table[1, 1] > 0


def test_minority_and_majority_part_balance():
    minority, majority = inferred("minority-majority").samples
    balance = inferred("minority-balance").samples[1]
    assert sorted([*minority, *majority]) == balance.tolist()


def test_conflict_and_rest_part_all_samples():
    conflict, rest = inferred("conflict-rest").samples
    assert conflict.tolist() == CONFLICTS
    assert sorted([*conflict, *rest]) == list(range(len(LABELS)))


@pytest.mark.parametrize("shares", [(0.2, 0.1), (0.5, 0.25), (1.0, 0.5), (0.0, 0.3)])
def test_shares_of_conflicts_are_kept_for_every_label_in_disjoint_environments_of_one_size(shares):
    clusters, labels = large()
    found = conflict_samples(clusters, labels, 2, 2)
    first, second = infer("shares", found, clusters, labels, seed=0, shares=shares).samples
    assert not set(first.tolist()) & set(second.tolist())
    assert abs(len(first) - len(second)) <= 4
    for samples, share in ((first, shares[0]), (second, shares[1])):
        for label in (0, 1):
            of_label = samples[labels[samples] == label]
            assert found[of_label].mean() == pytest.approx(share, abs=0.005)
    # As large as can be: nothing is left over of the conflicts or of the others.
    for label in (0, 1):
        same = labels == label
        left = same & ~np.isin(np.arange(len(labels)), np.concatenate([first, second]))
        assert min((left & found).sum(), (left & ~found).sum()) <= 2


@pytest.mark.parametrize("shares", [(0.2, 0.2), (-0.1, 0.5), (0.1, 1.1)])
def test_shares_must_be_two_different_ones(shares):
    with pytest.raises(InputError, match="two different shares"):
        inferred("shares", shares=shares)


@pytest.mark.parametrize("rule", ["minority-balance", "minority-majority", "shares"])
def test_draws_follow_their_seed(rule):
    clusters, labels = large()
    found = conflict_samples(clusters, labels, 2, 2)
    one, same, other = (infer(rule, found, clusters, labels, seed=s).samples[1].tolist() for s in (0, 0, 1))
    assert one == same
    assert one != other


def test_weights_say_who_is_where_and_samples_are_run_once():
    environments = Environments(("a", "b", "c"), (np.array([5, 9]), np.array([1, 5]), np.array([], dtype=np.int64)))
    assert environments.used.tolist() == [1, 5, 9]
    assert environments.weights().tolist() == [[0, 1, 0], [1, 1, 0], [1, 0, 0]]
    assert environments.sizes == (2, 2, 0)


def test_given_environments():
    given = by_number(np.array([1, 0, -1, 1]), ["0.2", "0.1"])
    assert [samples.tolist() for samples in given.samples] == [[1], [0, 3]]


def test_random_environments_keep_sizes_overlap_and_labels_and_lose_the_conflicts():
    clusters, labels = large()
    found = conflict_samples(clusters, labels, 2, 2)
    ours = infer("minority-balance", found, clusters, labels, seed=0)
    drawn = at_random(ours, labels, seed=3)
    assert drawn.sizes == ours.sizes
    assert set(drawn.samples[0].tolist()) < set(drawn.samples[1].tolist())
    assert makeup(drawn, labels, 2).tolist() == makeup(ours, labels, 2).tolist()
    assert found[ours.samples[0]].all()
    assert found[drawn.samples[0]].mean() < 0.25


def test_makeup_equals_a_plain_count():
    environments = inferred("minority-balance")
    plain = [[sum(LABELS[i] == y for i in samples) for y in range(2)] for samples in environments.samples]
    assert makeup(environments, LABELS, 2).tolist() == plain


def test_the_quality_of_the_conflict_samples_by_hand():
    attribute = LABELS.copy()
    attribute[[2, 9, 10]] = 1 - LABELS[[2, 9, 10]]  # 2 was found; 9 and 10 were not; 6 was found and is none
    assert quality(conflicts(), LABELS, attribute) == Quality(found=2, true=3, hits=1)
    assert quality(np.zeros(11, dtype=bool), LABELS, LABELS) == Quality(found=0, true=0, hits=0)


def codes(environments, labels=LABELS):
    return [alarm.code for alarm in environment_warnings(environments, makeup(environments, labels, 2), ["cat", "dog"])]


def test_published_environments_raise_no_alarm_although_one_holds_the_other():
    assert codes(inferred("minority-balance")) == []


def test_each_doubt_about_environments_has_its_alarm():
    nobody, most = np.array([], dtype=np.int64), np.arange(11)
    assert codes(Environments(("a", "b"), (np.array([0, 2]), nobody))) == ["empty-environment"]
    assert codes(Environments(("a", "b"), (np.array([0, 1]), np.array([2, 3])))) == ["one-class-environment"]
    assert codes(Environments(("a", "b"), (most, most[:10]))) == ["overlapping-environments"]
    (alarm,) = environment_warnings(Environments(("a",), (np.array([0, 1]),)), np.array([[2, 0]]), ["cat", "dog"])
    assert "'a' has one class only ('cat', 2 samples)" in alarm.text


def test_a_reference_that_is_never_wrong_and_a_penalty_out_of_hand_are_doubted():
    assert reference_warning(0.87) is None
    assert "99.90%" in reference_warning(0.999).text
    assert penalty_warning(3.0, 0) is None
    assert "1.23e+05 at step 4" in penalty_warning(123_456.0, 4).text


def test_one_environment_is_bad_input_and_one_with_samples_a_failure():
    with pytest.raises(InputError, match="at least two environments"):
        require_two(Environments(("all",), (np.arange(3),)))
    with pytest.raises(StageError, match="minority 0, balance 3"):
        require_two(Environments(("minority", "balance"), (np.array([], dtype=np.int64), np.arange(3))))
    require_two(inferred("minority-balance"))


def test_a_rule_that_does_not_exist_is_misuse():
    with pytest.raises(ValueError, match="unknown rule"):
        inferred("best")
