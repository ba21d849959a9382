"""The generalised cross-entropy against its definition, its closed-form gradient, and its two limits."""

import pytest
import torch
import torch.nn.functional as F

from core.finding.gce import generalised_cross_entropy

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0], [6.0, -2.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 1])


@pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
def test_it_is_one_minus_the_power_of_the_probability_by_q(q):
    p = LOGITS.exp() / LOGITS.exp().sum(1, keepdim=True)
    plain = [(1 - p[i, y].item() ** q) / q for i, y in enumerate(LABELS.tolist())]
    assert generalised_cross_entropy(LOGITS, LABELS, q).tolist() == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
def test_its_gradient_is_that_of_the_cross_entropy_times_the_power_of_the_probability(q):
    logits = LOGITS.clone().requires_grad_()
    generalised_cross_entropy(logits, LABELS, q).sum().backward()
    p = LOGITS.softmax(1)
    of_label = p.gather(1, LABELS[:, None])
    torch.testing.assert_close(logits.grad, of_label**q * (p - F.one_hot(LABELS, 3)), rtol=1e-10, atol=1e-14)
    assert torch.autograd.gradcheck(lambda z: generalised_cross_entropy(z, LABELS, q), logits)


def test_for_small_q_it_is_the_cross_entropy_and_for_one_the_probability_of_the_other_classes():
    entropy = F.cross_entropy(LOGITS, LABELS, reduction="none")
    torch.testing.assert_close(generalised_cross_entropy(LOGITS, LABELS, 1e-9), entropy, rtol=1e-7, atol=0)
    others = 1 - LOGITS.softmax(1).gather(1, LABELS[:, None])[:, 0]
    torch.testing.assert_close(generalised_cross_entropy(LOGITS, LABELS, 1.0), others)


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    loss = generalised_cross_entropy(logits, torch.tensor([0, 0]), 0.7)
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([0, 1 / 0.7])
    assert not logits.grad.any()  # the hopeless sample is left alone
