"""The losses of ERM and of GroupDRO."""

import math

import pytest
import torch
from torch.nn import functional as F

from core.training.objectives import GroupDroLoss, MeanLoss

CPU = torch.device("cpu")


def batch(n=24, classes=3, groups=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, classes, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(classes, (n,), generator=generator)
    return logits, labels, torch.randint(groups, (n,), generator=generator)


def plain_losses(logits, labels):
    return [math.log(sum(math.exp(v) for v in row)) - row[label] for row, label in zip(logits, labels, strict=True)]


def plain_group_means(logits, labels, groups, n_groups):
    losses = plain_losses(logits.tolist(), labels.tolist())
    means = []
    for group in range(n_groups):
        mine = [loss for loss, g in zip(losses, groups.tolist(), strict=True) if g == group]
        means.append(sum(mine) / len(mine) if mine else 0.0)
    return means


def test_the_mean_loss_is_the_mean_of_the_losses_whatever_the_groups():
    logits, labels, groups = batch()
    losses = plain_losses(logits.tolist(), labels.tolist())
    for which in (groups, torch.zeros_like(groups)):
        assert MeanLoss()(logits, labels, which).item() == pytest.approx(sum(losses) / len(losses))


def test_group_dro_follows_the_exponentiated_update_step_by_step():
    eta, n_groups = 0.3, 5  # group 4 never has a sample
    objective = GroupDroLoss(n_groups, eta, CPU)
    weights = [1 / n_groups] * n_groups
    for seed in range(4):
        logits, labels, groups = batch(seed=seed)
        means = plain_group_means(logits, labels, groups, n_groups)
        loss = objective(logits.float(), labels, groups)
        raised = [w * math.exp(eta * m) for w, m in zip(weights, means, strict=True)]
        weights = [r / sum(raised) for r in raised]
        assert objective.weights.tolist() == pytest.approx(weights, rel=1e-5)
        assert loss.item() == pytest.approx(sum(w * m for w, m in zip(weights, means, strict=True)), rel=1e-5)


def test_after_many_equal_batches_the_weights_are_a_softmax_of_the_losses():
    logits, labels, groups = batch()
    objective = GroupDroLoss(4, 0.1, CPU)
    for _ in range(20):
        objective(logits.float(), labels, groups)
    means = torch.tensor(plain_group_means(logits, labels, groups, 4))
    torch.testing.assert_close(objective.weights, torch.softmax(20 * 0.1 * means, 0))


def test_the_gradient_of_group_dro_takes_the_weights_as_given():
    logits, labels, groups = batch()
    single = logits.detach().float().requires_grad_()
    objective = GroupDroLoss(4, 0.3, CPU)
    objective(single, labels, groups).backward()
    counts = torch.bincount(groups, minlength=4)
    per_sample = objective.weights[groups] / counts[groups]
    expected = (torch.softmax(single, 1) - F.one_hot(labels, 3)) * per_sample[:, None]
    torch.testing.assert_close(single.grad, expected.detach())


def test_without_a_step_size_group_dro_is_the_mean_over_groups():
    logits, labels, groups = batch()
    means = plain_group_means(logits, labels, groups, 4)
    assert GroupDroLoss(4, 0.0, CPU)(logits.float(), labels, groups).item() == pytest.approx(sum(means) / 4)


def test_group_dro_goes_on_from_its_state():
    first, second = GroupDroLoss(4, 0.3, CPU), GroupDroLoss(4, 0.3, CPU)
    logits, labels, groups = batch()
    first(logits.float(), labels, groups)
    second.load_state_dict(first.state_dict())
    losses = [objective(logits.float(), labels, groups).item() for objective in (first, second)]
    assert losses[0] == losses[1]


def test_group_dro_lifts_the_worst_group_of_a_toy_problem():
    """A line through the origin, pulled up by 95 samples (target +1) and down by 5 (target −1).

    The mean loss sides with the many: its optimum has logit log(95 / 5) and the few have loss log 20. The largest group
    loss is least at logit 0, where both are log 2.
    """
    groups = torch.tensor([0] * 95 + [1] * 5)
    labels = 1 - groups

    def group_losses(objective):
        bias = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([bias], 0.2)
        for _ in range(1500):
            logits = torch.stack([torch.zeros(100), bias.expand(100)], 1)
            loss = objective(logits, labels, groups)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses = F.cross_entropy(torch.stack([torch.zeros(100), bias.expand(100)], 1), labels, reduction="none")
        return [losses[groups == g].mean().item() for g in (0, 1)]

    assert group_losses(MeanLoss())[1] == pytest.approx(math.log(20), rel=0.02)
    assert group_losses(GroupDroLoss(2, 0.1, CPU)) == pytest.approx([math.log(2)] * 2, rel=0.02)
