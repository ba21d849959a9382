"""The second opinion: what only the shortcut says, on a toy problem whose conflict samples are known."""

import numpy as np
import pytest

from core.finding import second_opinion
from core.finding.second_opinion import contradiction, least_contradiction, shortcut_evidence

N = 3000


def toy(seed, n_classes=2, noise=0.7):
    """Features with a clear shortcut and an unclear class, labels, conflict samples and a biased network's mistakes."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, n_classes, N)
    conflicts = random.random(N) < 0.05
    shortcut = np.where(conflicts, (labels + random.integers(1, n_classes, N)) % n_classes, labels)
    clear = random.choice([0.2, 2.0], N, p=[0.4, 0.6])[:, None]  # samples of which 40 % are hard to recognise
    one = np.eye(n_classes)
    features = np.hstack([2 * one[shortcut], clear * one[labels], np.zeros((N, 4))])
    features = (features + random.normal(0, noise, features.shape)).astype(np.float32)
    seen = (
        features[:, :n_classes]
        + 0.5 * features[:, n_classes : 2 * n_classes]
        + random.normal(0, 0.6 * noise, one[labels].shape)
    )
    return features, labels, conflicts, seen.argmax(axis=1) != labels


@pytest.mark.parametrize(("n_classes", "noise"), [(2, 0.7), (4, 0.5)])
def test_what_is_found_are_more_often_conflicts_than_the_mistakes_are(n_classes, noise):
    for seed in range(3):
        features, labels, conflicts, mistakes = toy(seed, n_classes, noise)
        evidence, other = shortcut_evidence(features, labels, mistakes, features, seed)
        margins, against = contradiction(evidence, labels)
        found = margins >= least_contradiction(margins, mistakes)
        assert conflicts[mistakes].mean() < 0.9
        assert conflicts[found].mean() > conflicts[mistakes].mean() + 0.03
        assert found[conflicts].mean() >= mistakes[conflicts].mean()
        assert (against[found] != labels[found]).all()
        assert np.corrcoef(evidence.ravel(), other.ravel())[0, 1] > 0.99


def test_a_sample_is_judged_by_heads_that_never_saw_its_label():
    features, labels, _, mistakes = toy(0)
    before, _ = shortcut_evidence(features, labels, mistakes, features[:1], 1)
    labels[7], mistakes[7] = 1 - labels[7], ~mistakes[7]
    after, _ = shortcut_evidence(features, labels, mistakes, features[:1], 1)
    np.testing.assert_array_equal(before[7], after[7])
    assert (before != after).any()


def test_a_sample_of_a_large_split_stands_for_the_rest(monkeypatch):
    features, labels, _, mistakes = toy(0)
    whole, _ = shortcut_evidence(features, labels, mistakes, features[:1], 1)
    fitted = []
    plain = second_opinion._log_probabilities
    monkeypatch.setattr(second_opinion, "MOST_FITTED", 400)
    monkeypatch.setattr(
        second_opinion, "_log_probabilities", lambda of, head: fitted.append(len(of)) or plain(of, head)
    )
    part, _ = shortcut_evidence(features, labels, mistakes, features[:1], 1)
    assert np.corrcoef(whole.ravel(), part.ravel())[0, 1] > 0.9
    assert not np.array_equal(whole, part)


@pytest.mark.parametrize(("sizes", "total"), [([10, 10, 10], 12), ([1, 5, 100], 30), ([3, 3], 100), ([50], 7)])
def test_small_cells_are_kept_whole_and_the_others_are_equal(sizes, total):
    drawn = second_opinion._drawn(np.array(sizes), total) * sizes
    assert drawn.sum() == pytest.approx(min(total, sum(sizes)))
    largest = drawn.max()
    for size, number in zip(sizes, drawn, strict=True):
        assert number == pytest.approx(min(size, largest))


def test_the_contradiction_is_the_best_other_class_against_the_label():
    random = np.random.default_rng(0)
    evidence, labels = random.normal(size=(50, 4)).astype(np.float32), random.integers(0, 4, 50)
    margins, against = contradiction(evidence, labels)
    for row, label in enumerate(labels):
        others = {c: float(evidence[row, c]) for c in range(4) if c != label}
        best = max(others, key=others.__getitem__)
        assert against[row] == best
        assert margins[row] == pytest.approx(others[best] - evidence[row, label])


def test_the_threshold_is_where_half_of_the_samples_are_mistakes():
    random = np.random.default_rng(0)
    margins = random.normal(0, 2, 40_000).astype(np.float32)
    mistakes = random.random(len(margins)) < 1 / (1 + np.exp(-(1.5 * margins - 3)))
    assert least_contradiction(margins, mistakes) == pytest.approx(2, abs=0.05)


def test_where_mistakes_are_apart_the_threshold_lies_between():
    margins, mistakes = np.r_[np.full(500, -1.0), np.full(40, 1.5)].astype(np.float32), np.arange(540) >= 500
    assert -1 < least_contradiction(margins, mistakes) < 1.5


@pytest.mark.parametrize("mistakes", [np.zeros(9, bool), np.ones(9, bool), np.arange(9) < 4])
def test_without_a_relation_nothing_is_found(mistakes):
    assert least_contradiction(np.arange(9, dtype=np.float32), mistakes) == np.inf
