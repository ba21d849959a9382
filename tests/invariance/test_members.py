import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.invariance.batched import Members
from core.invariance.objectives import Annealing, Objective
from core.invariance.train import Training
from core.models.heads import class_logits
from core.models.networks.mlp import Mlp
from core.models.networks.mnist_cnn import ReferenceCnn

N = 48
SEEDS, WEIGHTS = (3, 1, 4), (0.0, 10.0, 9100.0)


def samples(dtype=torch.float32):
    random = torch.Generator().manual_seed(0)
    x = torch.rand(N, 2, 6, 6, generator=random).to(dtype)
    labels = torch.randint(0, 2, (N,), generator=random)
    weights = torch.zeros(N, 2, dtype=dtype)
    weights[: N // 2, 0] = 1
    weights[N // 3 :, 1] = 1  # some are in both
    return x, labels, weights


def mlp(outputs=1):
    return lambda: Mlp(72, outputs, hidden=13)


def cnn():
    return ReferenceCnn(2, 1, width=8)


def training(build, seeds=SEEDS, weights=WEIGHTS, *, kind="irm", dtype=torch.float32, together=None, **options):
    members = Members(build, seeds, dtype=dtype, together=together)
    objective = Objective(kind, Annealing(weights, until=15), 2)
    return Training(members, objective, **({"lr": 5e-3, "l2": 1e-3} | options))


def train(trained, steps=40, dtype=torch.float32, batch=None):
    x, labels, weights = samples(dtype)
    random = torch.Generator().manual_seed(7)
    for _ in range(steps):
        rows = torch.arange(N) if batch is None else torch.randperm(N, generator=random)[:batch]
        measured = trained.step(x[rows], labels[rows], weights[rows])
    return measured


def plainly(build, seed, penalty_weight, steps=40):
    """IRM's authors' loop over environments, with a dummy scale and double backward, for one network."""
    x, labels, weights = samples(torch.float64)
    network = Members(build, [seed], dtype=torch.float64).network(0)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for step in range(steps):
        risks, penalties = [], []
        for e in range(2):
            there = weights[:, e] > 0
            scale = torch.ones((), dtype=torch.float64, requires_grad=True)
            risk = F.binary_cross_entropy_with_logits(network(x[there]) * scale, labels[there].double())
            risks.append(risk)
            penalties.append(torch.autograd.grad(risk, scale, create_graph=True)[0] ** 2)
        weight = penalty_weight if step >= 15 else 1.0
        loss = torch.stack(risks).mean() + 1e-3 * sum(p.square().sum() for p in network.parameters())
        loss = loss + weight * torch.stack(penalties).mean()
        optimizer.zero_grad()
        (loss / max(weight, 1.0)).backward()
        optimizer.step()
    return dict(network.named_parameters())


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("build", [mlp(), cnn], ids=["mlp", "cnn"])
def test_every_member_ends_where_a_plain_loop_ends(build, together):
    steps = 40 if build is not cnn else 20
    trained = training(build, dtype=torch.float64, together=together)
    train(trained, steps, torch.float64)
    for i, (seed, weight) in enumerate(zip(SEEDS, WEIGHTS, strict=True)):
        for name, p in plainly(build, seed, weight, steps).items():
            torch.testing.assert_close(trained.members.parameters[name][i], p.detach(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("batch", [None, 16])
@pytest.mark.parametrize("build", [mlp(), mlp(2), cnn], ids=["mlp", "mlp-2", "cnn"])
def test_in_turn_a_member_has_the_very_bits_that_it_has_alone(build, batch):
    company = training(build, together=False)
    train(company, 25, batch=batch)
    for i, (seed, weight) in enumerate(zip(SEEDS, WEIGHTS, strict=True)):
        alone = training(build, (seed,), (weight,), together=False)
        train(alone, 25, batch=batch)
        assert torch.equal(alone.members.values[0], company.members.values[i])


def test_together_a_member_is_in_double_precision_what_it_is_alone():
    company = training(mlp(), dtype=torch.float64, together=True)
    train(company, 100, torch.float64, batch=16)
    alone = training(mlp(), SEEDS[1:2], WEIGHTS[1:2], dtype=torch.float64, together=True)
    train(alone, 100, torch.float64, batch=16)
    torch.testing.assert_close(alone.members.values[0], company.members.values[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["irm", "vrex", "erm", "group-dro"])
@pytest.mark.parametrize("together", [False, True])
def test_stopped_and_resumed_it_ends_in_the_same_bits(kind, together):
    straight = training(mlp(), kind=kind, together=together)
    train(straight, 10)
    saved = copy.deepcopy(straight.state_dict())
    train(straight, 20)
    resumed = training(mlp(), (9, 9, 9), kind=kind, together=together)
    resumed.load_state_dict(saved)
    measured = train(resumed, 20)
    assert resumed.steps == 30
    assert torch.equal(resumed.members.values, straight.members.values)
    assert torch.equal(measured.weights, torch.tensor(WEIGHTS if kind in ("irm", "vrex") else (0.0,) * 3))


def test_a_step_reports_risk_and_penalty_before_it_moves():
    trained = training(mlp())
    x, labels, weights = samples()
    logits = trained.members.logits(x)
    measured = trained.step(x, labels, weights)
    for e in range(2):
        there = weights[:, e] > 0
        risk = F.binary_cross_entropy_with_logits(logits[0, there], labels[there].float())
        assert measured.risks[0, e].item() == pytest.approx(risk.item(), rel=1e-5)
    expected = measured.risks.mean(1) + measured.penalties.mean(1)  # weight 1 before annealing ends
    torch.testing.assert_close(measured.losses, expected)
    assert not measured.losses.requires_grad


def test_a_member_starts_alike_in_any_company_and_draws_from_nobody():
    before = torch.get_rng_state()
    one, many = Members(mlp(), [5]), Members(mlp(), [8, 5])
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.values[0], many.values[1])
    assert not torch.equal(many.values[0], many.values[1])


def test_weights_are_drawn_by_xavier_and_biases_are_zero():
    network = Members(lambda: Mlp(392), [0]).network(0)
    for layer in (network.first, network.second, network.head):
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert bound * 0.97 < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


@pytest.mark.parametrize("build", [mlp(), mlp(3), cnn], ids=["mlp", "mlp-3", "cnn"])
def test_logits_are_those_of_the_networks_one_by_one_in_every_form(build):
    x = samples()[0]
    forms = [Members(build, SEEDS, together=together) for together in (False, True)]
    expected = torch.stack([forms[0].network(i)(x) for i in range(3)]).detach()
    for members in forms:
        torch.testing.assert_close(members.logits(x, batch=20), expected, rtol=1e-4, atol=1e-5)


def test_a_network_taken_out_is_a_copy():
    members = Members(mlp(), SEEDS)
    members.network(1).head.weight.data.zero_()
    assert members.parameters["head.weight"][1].any()


def test_class_logits_of_a_binary_head_have_its_probability():
    z = torch.tensor([[-2.0, 0.0, 3.0]])
    torch.testing.assert_close(class_logits(z).softmax(-1)[..., 1], z.sigmoid())


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="at least one seed"):
        Members(mlp(), [])
    with pytest.raises(ValueError, match="buffers"):
        Members(lambda: nn.BatchNorm1d(3), [0])
    with pytest.raises(ValueError, match="3 members, but penalty weights for 1"):
        training(mlp(), weights=(1.0,))
