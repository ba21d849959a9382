"""The rules of the simulated GPU, each against what torch does on a real one."""

import copy
import inspect

import pytest
import torch
from torch import nn

from core import gpu
from core.models.networks import build
from core.training.augment import augment
from core.training.images import Images
from core.training.predict import predict
from tests.gpu.simulated import ASKED, GPU, POSSIBLE, FakeGpu, Mixed, OnGpu, Waits, simulated, step
from tests.training.stage_lab import random_data


@pytest.fixture
def device():
    if not POSSIBLE:
        pytest.skip("this torch cannot have devices that are written in Python")
    with simulated() as device:
        yield device


def test_the_fake_answers_all_that_is_asked_of_cuda():
    public = {name for name, value in vars(gpu).items() if getattr(value, "__module__", "") == gpu.__name__}
    assert public - {"Sent"} == set(ASKED)
    fake = FakeGpu()
    for name in ASKED:
        ours, theirs = inspect.signature(getattr(fake, name)), inspect.signature(getattr(gpu, name))
        assert list(ours.parameters) == list(theirs.parameters), name


def test_numbers_and_gradients_are_those_of_the_cpu(device):
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    x, y = torch.randn(5, 3, 8, 8), torch.tensor([0, 1, 1, 0, 1])
    theirs = copy.deepcopy(ours).to(device)
    assert {type(parameter) for parameter in theirs.parameters()} == {OnGpu}
    for network, place in ((ours, "cpu"), (theirs, device)):
        optimizer = torch.optim.Adam(network.parameters(), 1e-2)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x.to(place)), y.to(place)).backward()
            optimizer.step()
    for one, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert other.device == GPU
        assert torch.equal(one, other.cpu())


FINE = {
    "arithmetic": lambda x: (x * 2 + 1).clamp(min=0).sum() / 3,
    "new tensors": lambda x: x + torch.zeros(3, device=x.device) + torch.full((3,), 2.0, device=x.device),
    "where": lambda x: torch.where(x > 0, x, 1.0),
    "fill": lambda x: x.masked_fill(x > 0, 0),
    "fill by mask": lambda x: x.clone().__setitem__(x > 0, 0.0),
    "rows": lambda x: x[torch.arange(2, device=x.device)],
    "scatter": lambda x: torch.zeros(3, device=x.device).index_add_(0, torch.arange(3, device=x.device), x),
    "order": lambda x: x.sort().values.cumsum(0).topk(2),
    "from pinned memory": lambda x: gpu.upload(torch.ones(3), x.device) + x,
    "its generator": lambda x: torch.rand(3, generator=gpu.generator(x.device), device=x.device),
}
WAITING = {
    "item": lambda x: x.sum().item(),
    "to the CPU": lambda x: x.cpu(),
    "pageable copy": lambda x: torch.ones(3).to(x.device),
    "copy into it": lambda x: x.copy_(torch.ones(3)),
    "values": lambda x: torch.tensor([1.0], device=x.device),
    "truth": lambda x: bool((x > 0).any()),
    "equal": lambda x: torch.equal(x, x),
    "mask": lambda x: x[x > 0],
    "write by mask": lambda x: x.__setitem__(x > -9, torch.ones(3, device=x.device)),
    "unique": lambda x: x.unique(),
    "counts": lambda x: torch.bincount(x.long()),
    "repeat": lambda x: x.repeat_interleave(torch.ones(3, dtype=torch.int64, device=x.device)),
    "rows by the CPU": lambda x: x[torch.tensor([1])],
}
MIXED = {
    "sum": lambda x: x + torch.ones(3),
    "product": lambda x: torch.ones(2, 3) @ x,
    "generator": lambda x: torch.rand(3, generator=torch.Generator(), device=x.device),
    "generator of the GPU": lambda x: torch.rand(3, generator=gpu.generator(x.device)),
    "labels": lambda x: nn.functional.cross_entropy(x[None], torch.tensor([1])),
}


@pytest.mark.parametrize("name", FINE)
def test_what_stays_on_the_gpu_is_fine(device, name):
    x = torch.arange(3.0).to(device)
    with step():
        FINE[name](x)


@pytest.mark.parametrize("name", WAITING)
def test_what_waits_is_refused_in_a_step_and_done_elsewhere(device, name):
    x = torch.arange(3.0).to(device)
    WAITING[name](x)
    with step(), pytest.raises(Waits):
        WAITING[name](x)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [*FINE, *WAITING])
def test_a_real_gpu_has_the_same_rules(name):
    x = torch.arange(3.0).to("cuda:0")
    torch.cuda.set_sync_debug_mode("error")
    try:
        if name in FINE:
            FINE[name](x)
        else:
            with pytest.raises(RuntimeError):
                WAITING[name](x)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize("name", MIXED)
def test_a_real_gpu_refuses_two_devices_too(name):
    with pytest.raises(RuntimeError):
        MIXED[name](torch.arange(3.0).to("cuda:0"))


@pytest.mark.parametrize("name", MIXED)
def test_two_devices_are_refused_everywhere(device, name):
    with pytest.raises(Mixed):
        MIXED[name](torch.arange(3.0).to(device))


def test_a_prediction_waits_for_nothing(device):
    images = Images(random_data(), "validation", device)
    network = build("mlp", 2, 3, (8, 8), hidden=8).to(device).eval()
    with step():
        found = predict(network, images)
    assert found.classes.device == GPU


def test_crops_and_flips_wait_for_nothing_wherever_they_are_drawn(device):
    images = torch.zeros(4, 3, 9, 9, dtype=torch.uint8, device=device)
    for generator in (torch.Generator(), gpu.generator(device)):
        with step():
            assert augment(images, 6, generator).device == GPU


@pytest.mark.parametrize("name", ["digits-cnn", "mlp", "mnist-cnn", "small-field"])
def test_forward_and_backward_of_our_networks_wait_for_nothing(device, name):
    network = build(name, 2, 3, (28, 28), hidden=8).to(device)
    x = torch.rand(4, 3, 28, 28).to(device)
    with step():
        network(x).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
