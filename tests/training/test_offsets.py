"""Offsets of the classes: the best worst cell that they can give, and a network that is moved by them."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from core.training.offsets import add_offsets, best_offsets


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
    offsets, before, after = best_offsets(logits, labels, groups)
    assert before == pytest.approx(worst(logits, labels, groups, 0))
    assert after == pytest.approx(worst(logits, labels, groups, offsets))
    tried = np.unique(logits[:, 0] - logits[:, 1])
    every = np.concatenate([[tried[0] - 1], (tried[1:] + tried[:-1]) / 2, [tried[-1] + 1]])
    assert after == pytest.approx(max(worst(logits, labels, groups, np.array([0, offset])) for offset in every))
    assert after > before + 0.3
    assert offsets.sum() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_a_favoured_class_is_put_right(n_classes):
    for seed in range(3):
        fair = split(seed, n_classes, m=3000)
        offsets, before, after = best_offsets(*split(seed, n_classes, m=3000, favoured=2.5))
        assert before < 0.3
        assert after == pytest.approx(worst(split(seed, n_classes, m=3000, favoured=2.5)[0], *fair[1:], offsets))
        assert after > worst(*fair, 0) - 0.02
        assert offsets[0] - offsets[1:].mean() == pytest.approx(-2.5, abs=0.3)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_worst_cell_never_gets_worse(n_classes):
    for seed in range(10):
        _, before, after = best_offsets(*split(seed, n_classes, m=150))
        assert after >= before


def test_small_cells_and_samples_without_a_group_do_not_count():
    logits, labels, groups = split(0, 2, favoured=3)
    few, left_out = split(1, 2, m=9), split(2, 2, m=50)
    rows = [logits, few[0] + [9, 0], left_out[0] + [0, 9]]
    more = np.concatenate(rows).astype(np.float32), np.concatenate([labels, few[1], left_out[1]])
    of = np.concatenate([groups, np.full(9, 7), np.full(50, -1)])
    for one, other in zip(best_offsets(logits, labels, groups), best_offsets(*more, of), strict=True):
        np.testing.assert_allclose(one, other)


def test_without_a_large_cell_nothing_is_known():
    offsets, before, after = best_offsets(*split(0, 2, m=20))
    assert not offsets.any()
    assert np.isnan([before, after]).all()


def test_a_network_with_offsets_says_them():
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(7, 4)
    before = network(x)
    add_offsets(network, np.array([1.0, -2.0, 1.0], np.float32))
    torch.testing.assert_close(network(x), before + torch.tensor([1.0, -2.0, 1.0]))
