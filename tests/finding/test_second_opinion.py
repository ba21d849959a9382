"""The second opinion: what only the shortcut says, on a toy problem whose conflict samples are known."""

import numpy as np
import pytest

from core.finding import second_opinion
from core.finding.second_opinion import (
    DIVISIONS,
    class_weights,
    contradiction,
    independent_weights,
    least_contradiction,
    shortcut_evidence,
)

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


def test_a_sample_is_judged_by_heads_that_were_fitted_on_others(monkeypatch):
    _, labels, _, mistakes = toy(0)
    numbers = np.arange(N + 5, dtype=np.float32)[:, None]
    judged = []

    def judge(of, fitted):
        judged.append((of.ravel(), fitted))
        return np.zeros((len(of), 2), np.float32)

    monkeypatch.setattr("core.training.head.fit_head", lambda of, labels, weights, penalty: of.ravel())
    monkeypatch.setattr(second_opinion, "_log_probabilities", judge)
    shortcut_evidence(numbers[:N], labels, mistakes, numbers[N:], 0)
    assert all(not np.intersect1d(of, fitted).size for of, fitted in judged)
    times = np.bincount(np.concatenate([of for of, _ in judged]).astype(int))
    assert set(times[:N]) == {2 * DIVISIONS}
    assert set(times[N:]) == {4 * DIVISIONS}


def test_a_draw_from_a_large_split_stands_for_the_rest(monkeypatch):
    features, labels, _, mistakes = toy(0)
    whole, _ = shortcut_evidence(features, labels, mistakes, features[:1], 1)
    monkeypatch.setattr(second_opinion, "MOST_IN_CELL", 200)
    part, _ = shortcut_evidence(features, labels, mistakes, features[:1], 1)
    assert np.corrcoef(whole.ravel(), part.ravel())[0, 1] > 0.9
    assert not np.array_equal(whole, part)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_under_the_second_weights_the_prediction_of_the_network_says_nothing_of_the_label(n_classes):
    random = np.random.default_rng(0)
    labels = random.integers(0, n_classes, 4000)
    predicted = np.where(random.random(4000) < 0.2, (labels + random.integers(1, n_classes, 4000)) % n_classes, labels)
    weights = independent_weights(labels, predicted != labels)
    table = np.zeros((n_classes, n_classes))
    np.add.at(table, (labels, predicted), weights)
    np.testing.assert_allclose(table.sum(axis=1), 4000 / n_classes, rtol=1e-4)
    np.testing.assert_allclose(np.diag(table), 4000 / n_classes**2, rtol=1e-4)
    plain = class_weights(labels)
    np.testing.assert_allclose(np.bincount(labels, plain), 4000 / n_classes, rtol=1e-4)


def test_a_class_without_mistakes_keeps_its_weight():
    labels = np.array([0, 0, 0, 1, 1, 1, 1])
    weights = independent_weights(labels, np.array([True, False, False, False, False, False, False]))
    np.testing.assert_allclose(weights, [1.75, 0.875, 0.875, 0.875, 0.875, 0.875, 0.875])


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
