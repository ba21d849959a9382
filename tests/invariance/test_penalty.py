import pytest
import torch
import torch.nn.functional as F

from core.invariance.penalty import means, penalties, sample_losses, scale_gradients, shares

N, ENVIRONMENTS = 60, 3


def drawn(classes, members=2, seed=0):
    random = torch.Generator().manual_seed(seed)
    shape = (members, N) if classes == 1 else (members, N, classes)
    logits = 3 * torch.randn(shape, generator=random, dtype=torch.float64)
    labels = torch.randint(0, max(2, classes), (N,), generator=random)
    weights = torch.rand(N, ENVIRONMENTS, generator=random, dtype=torch.float64)
    weights[torch.rand(N, ENVIRONMENTS, generator=random) < 0.4] = 0  # overlapping, with weights, and some in none
    return logits, labels, weights


def penalty(logits, labels, weights, estimator="squared"):
    return penalties(scale_gradients(logits, labels), shares(weights), estimator)


def by_dummy_scale(logits, labels, weights):
    """IRMv1 as its authors write it: the squared derivative of the risk by a scale, one environment at a time."""
    scale = torch.ones((), dtype=logits.dtype, requires_grad=True)
    scaled = logits * scale
    if logits.dim() == 1:
        losses = F.binary_cross_entropy_with_logits(scaled, labels.to(logits), reduction="none")
    else:
        losses = F.cross_entropy(scaled, labels, reduction="none")
    risks = [(w * losses).sum() / w.sum() for w in weights.T]
    return torch.stack([torch.autograd.grad(r, scale, create_graph=True)[0] ** 2 for r in risks])


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_closed_form_and_its_gradient_equal_double_backward(classes):
    logits, labels, weights = drawn(classes)
    ours, slow = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    closed = penalty(ours, labels, weights)
    double = torch.stack([by_dummy_scale(member, labels, weights) for member in slow])
    assert closed.shape == (2, ENVIRONMENTS)
    torch.testing.assert_close(closed, double, rtol=0, atol=1e-10)
    mix = torch.tensor([[1.0, 2, 3], [4, 5, 6]], dtype=torch.float64)
    (closed * mix).sum().backward()
    (double * mix).sum().backward()
    torch.testing.assert_close(ours.grad, slow.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("estimator", ["squared", "split", "pairs"])
def test_gradients_are_those_of_finite_differences(classes, estimator):
    logits, labels, weights = drawn(classes, members=1)
    assert torch.autograd.gradcheck(
        lambda z: penalty(z, labels[:12], weights[:12], estimator), logits[:, :12].clone().requires_grad_()
    )


@pytest.mark.parametrize("classes", [1, 4])
def test_risks_are_weighted_means_of_the_cross_entropy(classes):
    logits, labels, weights = drawn(classes, members=1)
    both = torch.stack([torch.zeros_like(logits[0]), logits[0]], 1) if classes == 1 else logits[0]
    plain = [(w * -both.log_softmax(1)[torch.arange(N), labels]).sum() / w.sum() for w in weights.T]
    torch.testing.assert_close(means(sample_losses(logits, labels), shares(weights))[0], torch.stack(plain))


def test_a_binary_head_and_two_logits_of_the_same_difference_have_one_penalty():
    logits, labels, weights = drawn(1)
    both = torch.stack([7 - logits / 2, 7 + logits / 2], dim=-1)  # a shift of all logits changes nothing either
    torch.testing.assert_close(penalty(both, labels, weights), penalty(logits, labels, weights))


@pytest.mark.parametrize("estimator", ["squared", "split", "pairs"])
def test_weights_count_by_their_ratios_only(estimator):
    logits, labels, weights = drawn(3)
    rescaled = weights * torch.tensor([0.01, 1, 1000.0])
    torch.testing.assert_close(
        penalty(logits, labels, rescaled, estimator), penalty(logits, labels, weights, estimator)
    )


@pytest.mark.parametrize("estimator", ["squared", "pairs"])
def test_the_order_of_samples_does_not_matter(estimator):
    logits, labels, weights = drawn(1)
    order = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    again = penalty(logits[:, order], labels[order], weights[order], estimator)
    torch.testing.assert_close(again, penalty(logits, labels, weights, estimator))


def test_a_whole_weight_is_that_many_copies():
    logits, labels, _ = drawn(1)
    copies = torch.randint(0, 4, (N, 1), generator=torch.Generator().manual_seed(2))
    rows = torch.repeat_interleave(torch.arange(N), copies[:, 0])
    repeated = penalty(logits[:, rows], labels[rows], torch.ones(len(rows), 1, dtype=torch.float64))
    torch.testing.assert_close(penalty(logits, labels, copies.double()), repeated)


def test_splitting_samples_by_environment_changes_nothing():
    logits, labels, _ = drawn(3)
    numbers = torch.arange(N) % ENVIRONMENTS
    together = penalty(logits, labels, F.one_hot(numbers).double())
    for e in range(ENVIRONMENTS):
        there = numbers == e
        alone = penalty(logits[:, there], labels[there], torch.ones(int(there.sum()), 1, dtype=torch.float64))
        torch.testing.assert_close(together[:, e : e + 1], alone)


def test_pairs_is_the_mean_over_all_pairs_and_over_all_splits():
    g = torch.randn(1, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one = torch.full((6, 1), 1 / 6, dtype=torch.float64)
    plain = sum(g[0, i] * g[0, j] for i in range(6) for j in range(6) if i != j) / 30
    assert penalties(g, one, "pairs").item() == pytest.approx(plain.item())
    every = [
        penalties(g[:, torch.randperm(6, generator=torch.Generator().manual_seed(s))], one, "split").item()
        for s in range(4000)
    ]
    assert sum(every) / 4000 == pytest.approx(plain.item(), abs=0.02)


def test_on_small_batches_the_unbiased_estimators_are_right_on_average_and_the_square_is_not():
    random = torch.Generator().manual_seed(0)
    batches = 0.3 + torch.randn(1, 20_000 * 8, generator=random, dtype=torch.float64)
    parts = batches.view(20_000, 8)
    of = torch.full((8, 1), 1 / 8, dtype=torch.float64)
    average = {e: penalties(parts, of, e).mean().item() for e in ("squared", "split", "pairs")}
    assert average["pairs"] == pytest.approx(0.09, abs=0.01)
    assert average["split"] == pytest.approx(0.09, abs=0.01)
    assert average["squared"] == pytest.approx(0.09 + 1 / 8, abs=0.01)


@pytest.mark.parametrize("estimator", ["squared", "split", "pairs"])
def test_an_empty_environment_has_no_penalty_and_no_broken_gradient(estimator):
    logits, labels, weights = drawn(1)
    weights[:, 0] = 0
    weights[:, 1] = 0
    weights[5, 1] = 2.0  # a single sample
    logits.requires_grad_()
    found = penalty(logits, labels, weights, estimator)
    found.sum().backward()
    assert found[:, 0].tolist() == [0, 0]
    assert (found[:, 1] != 0).all() == (estimator == "squared")
    assert logits.grad.isfinite().all()


def test_large_logits_stay_finite():
    logits = torch.tensor([[1e4, -1e4, 1e4]], requires_grad=True)
    labels, weights = torch.tensor([1, 0, 0]), torch.ones(3, 1)
    penalty(logits, labels, weights).sum().backward()
    assert logits.grad.isfinite().all()


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="are not"):
        scale_gradients(torch.zeros(2, 3), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match="unknown estimator"):
        penalties(torch.zeros(1, 2), torch.ones(2, 1), "mean")
