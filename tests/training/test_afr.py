"""Automatic feature reweighting: its weights, and the steps on the head."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.config import Erm, Model, Select
from core.stages.afr import HELD_OUT, TrainErmOnPart
from core.tensors import load_tensors
from core.training.afr import HeadLearner, afr_weights
from core.training.images import Images
from tests.training.stage_lab import CPU, context_of, random_data, run_folder


def test_the_weights_have_their_closed_form():
    # Probabilities 3/4, 1/4, 1/2 of class 0 for three samples of class 0, and 3/4 of class 1 for one of class 1.
    logits = torch.tensor([[math.log(3), 0], [0, math.log(3)], [0, 0], [0, math.log(3)]], dtype=torch.float64)
    weights = afr_weights(logits, torch.tensor([0, 0, 0, 1]), 4.0)
    raw = [math.exp(-3) / 3, math.exp(-1) / 3, math.exp(-2) / 3, math.exp(-3) / 1]
    expected = torch.tensor(raw, dtype=torch.float64) / sum(raw)
    torch.testing.assert_close(weights, expected)


def test_without_gamma_the_classes_are_balanced_and_nothing_else():
    logits = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    weights = afr_weights(logits, labels, 0.0)
    torch.testing.assert_close(weights, torch.tensor([1 / 18] * 6 + [1 / 9] * 3 + [1 / 3]))


@pytest.fixture
def make_learner():
    data = random_data()
    validation = Images(data, "validation", CPU)
    g = torch.Generator().manual_seed(0)
    features, labels = torch.randn(30, 4, generator=g, dtype=torch.float64), torch.arange(30) % 2
    weights = torch.rand(30, generator=g, dtype=torch.float64)

    def make(penalty, lr):
        torch.manual_seed(1)
        network = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.Linear(4, 2)).double().eval()
        held_out = torch.zeros(len(validation), 4, dtype=torch.float64)
        arguments = (features, labels, weights / weights.sum(), penalty, lr, held_out, validation, data)
        return network, HeadLearner(network, *arguments)

    return make, features, labels, weights / weights.sum()


def test_a_step_is_one_of_gradient_descent_on_the_weighted_loss_with_its_penalty(make_learner):
    make, features, labels, weights = make_learner
    network, learner = make(0.3, 0.05)
    start = [p.detach().clone() for p in network[2].parameters()]
    now = [p.clone().requires_grad_() for p in start]
    for _ in range(5):
        entropy = F.cross_entropy(features @ now[0].T + now[1], labels, reduction="none")
        loss = (weights * entropy).sum() + 0.3 * sum((p - q).square().sum() for p, q in zip(now, start, strict=True))
        gradients = torch.autograd.grad(loss, now)
        now = [(p - 0.05 * g).detach().requires_grad_() for p, g in zip(now, gradients, strict=True)]
        learner.step()
    for ours, theirs in zip(network[2].parameters(), now, strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach())


def test_only_the_head_moves_and_a_large_penalty_holds_it(make_learner):
    make = make_learner[0]
    moved = {}
    for penalty in (0.0, 50.0):
        network, learner = make(penalty, 0.005)
        before = {name: p.detach().clone() for name, p in network.named_parameters()}
        for _ in range(300):
            learner.step()
        changes = {name: (p.detach() - before[name]).norm().item() for name, p in network.named_parameters()}
        assert changes["1.weight"] == changes["1.bias"] == 0
        moved[penalty] = changes["2.weight"]
    assert 0 < moved[50.0] < 0.02 < moved[0.0]


def test_erm_leaves_out_the_part_on_which_the_head_is_refitted(tmp_path):
    data = random_data()
    context = context_of(run_folder(tmp_path), data)
    stage = TrainErmOnPart(Erm(epochs=1, batch_size=8), Model(name="mlp"), Select(looks=1), held_out=0.2)
    trained = stage.draw(context, Images(data, "train", CPU)).rows.numpy()
    held_out = load_tensors(context.directory / HELD_OUT)["rows"].numpy()
    assert len(held_out) == 8
    assert np.array_equal(np.sort(np.concatenate([trained, held_out])), np.arange(40))
