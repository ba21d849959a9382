"""Precision of forward passes, the scale of fp16, and compiling."""

import pytest
import torch
from torch import nn

from core.config import Compute, Erm
from core.errors import StageError
from core.training.optimizers import make_optimizer
from core.training.precision import Precision, compiled

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "expected"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_a_forward_pass_is_in_the_precision_asked_for_and_nothing_after_it(precision, expected):
    layer, x = nn.Linear(3, 2), torch.ones(1, 3)
    how = Precision(Compute(precision=precision), CPU)
    with how.forward():
        assert layer(x).dtype == expected
    assert layer(x).dtype == layer.weight.dtype == torch.float32


def test_a_fused_sgd_takes_the_steps_of_a_plain_one_from_the_first_on():
    weights = [nn.Parameter(torch.arange(4.0)) for _ in range(2)]
    settings = Erm(optimizer="sgd", lr=0.5, weight_decay=0.1, momentum=0.9)
    optimizers = [
        make_optimizer([weight], settings, fused=fused) for weight, fused in zip(weights, (False, True), strict=True)
    ]
    for _ in range(3):
        for weight, optimizer in zip(weights, optimizers, strict=True):
            weight.grad = weight.detach() ** 2 + 1
            optimizer.step()
    torch.testing.assert_close(*weights)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_fp16_leaves_out_a_step_whose_gradient_has_overflown_and_lowers_the_scale(optimizer):
    weight = nn.Parameter(torch.ones(4))
    how = Precision(Compute(precision="fp16"), CPU)
    chosen = make_optimizer([weight], Erm(optimizer=optimizer, lr=0.5, weight_decay=0.1), fused=True)
    how.scaled((weight * 2).sum()).backward()
    scale = how.state_dict()["scale"]
    assert weight.grad[0] == 2 * scale
    weight.grad[1] = float("inf")
    how.step(chosen)
    assert torch.equal(weight, torch.ones(4))
    assert how.state_dict()["scale"] == scale / 2
    weight.grad = None
    how.scaled((weight * 2).sum()).backward()
    how.step(chosen)
    assert (weight < 1).all()
    assert (weight > -1).all()


def test_what_is_added_after_unscaling_has_its_true_size():
    def logits_after(precision):
        weight = nn.Parameter(torch.ones(4))
        optimizer = torch.optim.SGD([weight], 1.0, fused=True)
        how = Precision(Compute(precision=precision), CPU)
        how.scaled((weight * 2).sum()).backward()
        how.unscale(optimizer)
        weight.grad.add_(0.25)
        how.step(optimizer)
        return weight

    assert torch.equal(logits_after("fp16"), logits_after("fp32"))
    assert torch.equal(logits_after("fp32"), torch.full((4,), 1 - 2.25))


def test_the_scale_goes_on_where_it_was():
    weight = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], 0.1, fused=True)
    how, other = (Precision(Compute(precision="fp16"), CPU) for _ in range(2))
    how.scaled(weight.sum() * float("inf")).backward()
    how.step(optimizer)
    other.load_state_dict(how.state_dict())
    assert other.scaled(torch.ones(())).item() == how.scaled(torch.ones(())).item() == 2**15


def test_a_network_is_compiled_only_where_that_was_asked_for_and_keeps_its_weights(monkeypatch):
    network = nn.Linear(3, 2)
    assert compiled(network, Compute()) is network
    taken = []
    monkeypatch.setattr(torch, "compile", lambda module: taken.append(module) or module)
    run = compiled(network, Compute(compile=True))
    assert taken == [network]
    assert torch.equal(run(torch.ones(1, 3)), network(torch.ones(1, 3)))


def test_where_compiling_fails_the_sentence_says_so_and_other_errors_are_their_own(monkeypatch):
    from torch._dynamo.exc import Unsupported

    def broken(error):
        def run(_):
            raise error

        monkeypatch.setattr(torch, "compile", lambda _: run)
        return compiled(nn.Linear(1, 1), Compute(compile=True))

    with pytest.raises(StageError, match=r"torch.compile failed: no such thing; disable it: compute.compile=false"):
        broken(Unsupported("no such thing\nand a long story", case_name="x"))(torch.ones(1, 1))
    with pytest.raises(torch.OutOfMemoryError):
        broken(torch.OutOfMemoryError("CUDA out of memory"))(torch.ones(1, 1))
