"""What an IRM step costs against a bare forward and backward, and ten restarts batched against ten in a row."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core import heap
from core.invariance.batched import Members
from core.invariance.objectives import Annealing, Objective
from core.invariance.train import Training
from core.models.networks.mlp import Mlp
from tests.bench.timing import forms

IMAGES, INPUTS, HIDDEN = 10_000, 2 * 14 * 14, 390


@pytest.fixture(autouse=True)
def as_in_a_run():
    """Memory that a step frees is kept for the next one, for what is compared as well."""
    heap.keep_freed()
    yield
    heap.release()


def samples(n, device):
    random = torch.Generator().manual_seed(0)
    x = torch.rand(n, 2, 14, 14, generator=random)
    labels = torch.randint(0, 2, (n,), generator=random)
    environments = F.one_hot(torch.arange(n) % 2).float()
    return x.to(device), labels.to(device), environments.to(device)


def irm_steps(seeds, data):
    """One step of IRM for all seeds together, at the settings of its authors."""
    x, labels, environments = data
    members = Members(lambda: Mlp(INPUTS, hidden=HIDDEN), seeds, device=x.device)
    objective = Objective("irm", Annealing((9100.0,) * len(seeds)), 2, device=x.device)
    training = Training(members, objective, lr=4.9e-4, l2=1.1e-3)
    x = members.prepared(x)

    def step():
        training.step(x, labels, environments)
        _wait(x)

    return step


def bare(network, x, labels):
    """Forward and backward of the mean loss, without optimiser, penalty or L2."""
    y = labels.float()

    def step():
        network.zero_grad()
        F.binary_cross_entropy_with_logits(network(x).flatten(), y).backward()
        _wait(x)

    return step


def bare_plain(data):
    """The network as anyone would write it."""
    layers = [nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)]
    return bare(nn.Sequential(*layers).to(data[0].device), data[0].flatten(1), data[1])


def bare_ours(data):
    """The network as the members run it."""
    members = Members(lambda: Mlp(INPUTS, hidden=HIDDEN), [0], device=data[0].device)
    return bare(members.network(0).train(), members.prepared(data[0]), data[1])


def in_a_row(steps):
    def run():
        for step in steps:
            step()

    return run


def _wait(x):
    if x.device.type == "cuda":
        torch.cuda.synchronize()


@forms("n, repetitions", short=[(100, 1)], full=[(IMAGES, 11), (500, 41)])
def test_an_irm_step_against_a_bare_forward_and_backward(n, repetitions, figures):
    data = samples(n, "cpu")
    for network, theirs in (("in plain torch", bare_plain), ("as we run it", bare_ours)):
        name, against = f"IRM step, {n:,} images, network {network}", "bare forward and backward"
        figures.ratio(name, irm_steps([0], data), theirs(data), repetitions, against=against, target=1.2)


@forms("n, repetitions", short=[(100, 1)], full=[(IMAGES, 5), (500, 21)])
def test_ten_restarts_together_against_ten_in_a_row(n, repetitions, figures):
    data = samples(n, "cpu")
    for against, row, target in (
        ("ten in a row", in_a_row([irm_steps([seed], data) for seed in range(10)]), 1.0),
        ("ten bare forwards and backwards", in_a_row([bare_plain(data) for _ in range(10)]), 1.2),
    ):
        name = f"ten restarts together against {against}, {n:,} images"
        figures.ratio(name, irm_steps(range(10), data), row, repetitions, against=against, target=target)


@pytest.mark.bench
@pytest.mark.gpu
def test_irm_on_a_gpu(figures):
    data = samples(IMAGES, "cuda")
    against = "bare forward and backward"
    figures.ratio("IRM step on a GPU", irm_steps([0], data), bare_plain(data), 50, against=against, target=1.2)
    ten, one = irm_steps(range(10), data), irm_steps([0], data)
    figures.ratio("ten restarts together on a GPU", ten, one, 50, against="one restart", target=2.0)
