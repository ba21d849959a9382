"""Offsets of the classes: the best worst cell that they can give, and a network that is moved by them."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from core.training import offsets as offsets_module
from core.training.dfr import halves
from core.training.offsets import add_offsets, best_offsets, cross_fitted_offsets


def worst(logits, labels, groups, offsets, least=10):
    """Worst cell by a plain loop."""
    right = (logits + offsets).argmax(axis=1) == labels
    cells = [right[(labels == c) & (groups == g)] for c, g in product(set(labels), set(groups) - {-1})]
    return min(cell.mean() for cell in cells if len(cell) >= least)


def split(seed, n_classes, m=400, favoured=0.0):
    """Noisy logits of a network that favours class 0, labels, and two pseudo-groups, of which one is harder."""
    random = np.random.default_rng(seed)
    labels, groups = random.integers(0, n_classes, m), random.integers(0, 2, m)
    logits = random.normal(0, 1, (m, n_classes))
    logits[np.arange(m), labels] += 2 - groups
    logits[:, 0] += favoured
    return logits.astype(np.float32), labels, groups


@pytest.mark.parametrize("seed", range(5))
def test_with_two_classes_no_other_offset_is_better(seed):
    logits, labels, groups = split(seed, 2, favoured=3)
    offsets = best_offsets(logits, labels, groups)
    tried = np.unique(logits[:, 0] - logits[:, 1])
    every = np.concatenate([[tried[0] - 1], (tried[1:] + tried[:-1]) / 2, [tried[-1] + 1]])
    best = max(worst(logits, labels, groups, np.array([0, offset])) for offset in every)
    assert worst(logits, labels, groups, offsets) == pytest.approx(best)
    assert best > worst(logits, labels, groups, 0) + 0.3
    assert offsets.sum() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_a_favoured_class_is_put_right(n_classes):
    for seed in range(3):
        fair = split(seed, n_classes, m=3000)
        logits, *known = split(seed, n_classes, m=3000, favoured=2.5)
        offsets = best_offsets(logits, *known)
        assert worst(logits, *known, 0) < 0.3
        assert worst(logits, *known, offsets) > worst(*fair, 0) - 0.02
        assert offsets[0] - offsets[1:].mean() == pytest.approx(-2.5, abs=0.3)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_worst_cell_never_gets_worse(n_classes):
    for seed in range(10):
        given = split(seed, n_classes, m=150)
        assert worst(*given, best_offsets(*given)) >= worst(*given, 0)


def test_few_values_are_tried_of_many(monkeypatch):
    logits, labels, groups = split(0, 2, m=3000, favoured=3)
    whole = worst(logits, labels, groups, best_offsets(logits, labels, groups))
    monkeypatch.setattr(offsets_module, "MOST_TRIED", 100)
    assert worst(logits, labels, groups, best_offsets(logits, labels, groups)) > whole - 0.02


def test_small_cells_and_samples_without_a_group_do_not_count():
    logits, labels, groups = split(0, 2, favoured=3)
    few, left_out = split(1, 2, m=9), split(2, 2, m=50)
    rows = [logits, few[0] + [9, 0], left_out[0] + [0, 9]]
    more = np.concatenate(rows).astype(np.float32), np.concatenate([labels, few[1], left_out[1]])
    of = np.concatenate([groups, np.full(9, 7), np.full(50, -1)])
    np.testing.assert_allclose(best_offsets(logits, labels, groups), best_offsets(*more, of))


def test_a_class_without_a_large_cell_is_not_given_up():
    logits, labels, groups = split(0, 3)
    groups = np.where((labels == 2) & (np.arange(len(labels)) % 2 == 0), -1, groups)
    for few in (groups, np.where(labels == 2, -1, groups)):
        predicted = (logits + best_offsets(logits, labels, few)).argmax(axis=1)
        assert (predicted == labels)[labels == 2].mean() > 0.4


def test_without_a_large_cell_nothing_is_known():
    assert not best_offsets(*split(0, 2, m=20)).any()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_cross_fitted_offsets_come_from_the_other_half(n_classes):
    logits, labels, groups = split(0, n_classes, m=1000, favoured=2)
    found = cross_fitted_offsets(logits, labels, groups, 3)
    parts = halves(groups * n_classes + labels, np.random.default_rng(3))
    for judged, fitted in (parts, parts[::-1]):
        theirs = best_offsets(logits[fitted], labels[fitted], groups[fitted])
        np.testing.assert_array_equal(found[judged], np.tile(theirs, (len(judged), 1)))


def test_offsets_of_noise_gain_nothing_if_they_are_cross_fitted():
    gains = []
    for seed in range(30):
        logits, labels, groups = split(seed, 2, m=120)
        found = cross_fitted_offsets(logits, labels, groups, seed)
        gains.append(worst(logits, labels, groups, found) - worst(logits, labels, groups, 0))
    assert np.mean(gains) < 0.01


def test_a_network_with_offsets_says_them():
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(7, 4)
    before = network(x)
    add_offsets(network, np.array([1.0, -2.0, 1.0], np.float32))
    torch.testing.assert_close(network(x), before + torch.tensor([1.0, -2.0, 1.0]))
