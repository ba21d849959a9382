"""Gradients in parts are those of the whole batch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.config import Compute
from core.pruning.contrast import contrastive_loss
from core.training.gradient import Gradient
from core.training.objectives import GroupDroLoss
from tests.training.stage_lab import context_of, run_folder

N = 22


@pytest.fixture
def context(tmp_path):
    return context_of(run_folder(tmp_path), stage="none")


def batch():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, 6, generator=generator)
    return x, torch.randint(3, (N,), generator=generator), torch.randint(4, (N,), generator=generator)


class Net(nn.Module):
    """Its outputs are logits and what they were made from."""

    def __init__(self, norm=False, dropout=0.0):
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8) if norm else nn.Identity(), nn.Tanh())
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        z = self.dropout(self.body(x))
        return self.head(z), z


def mean_loss(outputs, labels, groups):
    return {"loss": F.cross_entropy(outputs[0], labels)}


def weighted_mean(outputs, labels, groups):
    losses = F.cross_entropy(outputs[0], labels, reduction="none")
    return {"loss": (losses * (1 + groups)).mean(), "plain": losses.mean()}


def contrast(outputs, labels, groups):
    value, anchors = contrastive_loss(outputs[1], labels, groups, 0.3)
    return {"loss": F.cross_entropy(outputs[0], labels) + 0.5 * value, "contrast": value, "anchors": anchors}


def dro(outputs, labels, groups):
    return {"loss": GroupDroLoss(4, 0.5, torch.device("cpu"))(outputs[0], labels, groups)}


LOSSES = {mean_loss: True, weighted_mean: True, contrast: False, dro: False}


def gradients(context, network, losses, accumulate, *, additive, share=1.0, samples=slice(0, N)):
    x, labels, groups = batch()
    gradient = Gradient(context, Compute(accumulate=accumulate), network, "erm.batch_size")
    network.zero_grad()
    found = gradient.backward(
        samples,
        lambda part: network(x[part]),
        lambda outputs, part: losses(outputs, labels[part], groups[part]),
        additive=additive,
        share=share,
    )
    return [parameter.grad.clone() for parameter in network.parameters()], found


@pytest.mark.parametrize("accumulate", [2, 3, N, 10 * N])
@pytest.mark.parametrize("losses", LOSSES)
def test_parts_give_the_gradient_and_the_losses_of_the_whole_batch(context, losses, accumulate):
    network = Net()
    whole, expected = gradients(context, network, losses, 1, additive=LOSSES[losses])
    parts, found = gradients(context, network, losses, accumulate, additive=LOSSES[losses])
    assert any(gradient.abs().max() > 1e-3 for gradient in whole)
    for ours, theirs in zip(parts, whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert not found[name].requires_grad
        assert found[name].item() == pytest.approx(value.item(), rel=1e-5), name


def test_one_part_is_plain_backward_to_the_last_bit(context):
    network, (x, labels, groups) = Net(), batch()
    for losses, additive in LOSSES.items():
        ours, found = gradients(context, network, losses, 1, additive=additive)
        network.zero_grad()
        loss = losses(network(x), labels, groups)["loss"]
        loss.backward()
        assert all(torch.equal(g, p.grad) for g, p in zip(ours, network.parameters(), strict=True))
        assert torch.equal(found["loss"], loss.detach())


@pytest.mark.parametrize("losses", [mean_loss, contrast])
def test_a_share_of_a_stretch_of_the_batch_is_that_share_of_its_loss(context, losses):
    network, (x, labels, groups) = Net(), batch()
    stretch = slice(7, 19)
    ours, found = gradients(context, network, losses, 3, additive=LOSSES[losses], share=0.25, samples=stretch)
    network.zero_grad()
    loss = losses(network(x[stretch]), labels[stretch], groups[stretch])["loss"]
    (0.25 * loss).backward()
    for gradient, parameter in zip(ours, network.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=1e-6)
    assert found["loss"].item() == pytest.approx(loss.item(), rel=1e-5)


def test_two_passes_draw_dropout_once_and_count_statistics_once(context):
    x, labels, groups = batch()
    ours, theirs = Net(norm=True, dropout=0.5), Net(norm=True, dropout=0.5)
    torch.manual_seed(5)
    found, _ = gradients(context, ours, contrast, 2, additive=False)
    after = torch.get_rng_state()
    # By hand, and slowly: both halves with their graphs, and one loss over both.
    torch.manual_seed(5)
    halves = [theirs(x[: N // 2]), theirs(x[N // 2 :])]
    contrast([torch.cat(outputs) for outputs in zip(*halves, strict=True)], labels, groups)["loss"].backward()
    for gradient, parameter in zip(found, theirs.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=1e-6)
    assert torch.equal(after, torch.get_rng_state())
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, other)


def test_parts_are_as_equal_as_they_can_be_and_never_empty(context):
    for n, count, sizes in [(10, 3, [3, 3, 4]), (4, 9, [1, 1, 1, 1]), (5, 1, [5]), (9, 2, [4, 5])]:
        parts = Gradient(context, Compute(accumulate=count), Net(), "erm.batch_size").parts.of(slice(3, 3 + n))
        assert [part.stop - part.start for part in parts] == sizes
        assert [i for part in parts for i in range(part.start, part.stop)] == list(range(3, 3 + n))


@pytest.mark.parametrize("losses", [mean_loss, contrast])
def test_gradients_in_bf16_are_those_of_fp32_up_to_its_precision(context, losses):
    network, (x, labels, groups) = Net(), batch()
    whole, _ = gradients(context, network, losses, 1, additive=LOSSES[losses])
    gradient = Gradient(context, Compute(precision="bf16", accumulate=2), network, "erm.batch_size")
    network.zero_grad()
    seen = []

    def in_fp32(outputs, part):
        seen.append(outputs[0].dtype)
        return losses([o.float() for o in outputs], labels[part], groups[part])

    gradient.backward(slice(0, N), lambda part: network(x[part]), in_fp32, additive=LOSSES[losses])
    assert set(seen) == {torch.bfloat16}
    for theirs, parameter in zip(whole, network.parameters(), strict=True):
        assert parameter.grad.dtype == torch.float32
        assert not torch.equal(parameter.grad, theirs)
        torch.testing.assert_close(parameter.grad, theirs, rtol=0.1, atol=0.02)
