import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.pruning.contrast import debiased_contrastive_loss
from core.pruning.upweight import repeated, usual_weight


def some_batch(n=12, classes=3):
    random = torch.Generator().manual_seed(0)
    z = torch.randn(n, 5, generator=random, dtype=torch.float64)
    return z, torch.randint(0, classes, (n,), generator=random), torch.rand(n, generator=random) < 0.4


def slow_loss(z, labels, conflicts, temperature):
    s = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / temperature
    losses = []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        positives = [j for j in others if labels[i] == labels[j] and (conflicts[i] or conflicts[j])]
        if positives and len(positives) < len(others):
            total = sum(s[i, j].exp() for j in others)
            losses.append(sum(-(s[i, p].exp() / total).log() for p in positives) / len(positives))
    return sum(losses) / len(losses), len(losses)


def test_the_debiased_contrastive_loss_is_that_of_the_slow_plain_version():
    z, labels, conflicts = some_batch()
    loss, anchors = debiased_contrastive_loss(z, labels, conflicts, 0.3)
    expected, n = slow_loss(z, labels, conflicts, 0.3)
    torch.testing.assert_close(loss, expected)
    assert anchors.item() == n


def test_its_gradient_is_right():
    z, labels, conflicts = some_batch(6, 2)
    assert torch.autograd.gradcheck(
        lambda z: debiased_contrastive_loss(z, labels, conflicts, 0.5)[0], z.requires_grad_()
    )


def test_without_conflict_samples_it_is_zero():
    z, labels, conflicts = some_batch()
    loss, anchors = debiased_contrastive_loss(z.requires_grad_(), labels, conflicts & False, 0.1)
    loss.backward()
    assert (loss.item(), anchors.item(), z.grad.abs().max().item()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("share", "published", "ours"), [(0.005, 80, 100), (0.01, 50, 50), (0.02, 30, 24), (0.05, 10, 10)]
)
def test_the_usual_weight_is_about_the_published_one(share, published, ours):
    conflicts = np.arange(10_000) < share * 10_000
    assert usual_weight(conflicts) == ours
    assert 0.75 < ours / published <= 1.25


def test_the_mean_over_the_repeated_samples_is_the_weighted_mean():
    random = np.random.default_rng(0)
    losses, conflicts = random.random(100), random.random(100) < 0.1
    weights = np.where(conflicts, 7, 1)
    assert losses[repeated(conflicts, 7)].mean() == pytest.approx(np.average(losses, weights=weights))
    assert np.bincount(repeated(conflicts, 7)).tolist() == weights.tolist()
