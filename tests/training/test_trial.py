"""The trial of precisions: what it concludes, how long it lasts, and that it changes nothing of a run."""

import math

import pytest
import torch

from core.config import Config
from core.training import trial as module
from core.training.trial import FEW, MOST, ROUNDS, Trial, try_precisions
from tests.training.stage_lab import CPU, random_data


@pytest.fixture
def stepping(monkeypatch):
    """Make steps that take the seconds per image of each precision, by a clock that they set; lists the images."""

    def make(fails=lambda name, n: None, **seconds):
        taken, now = [], [0.0]

        def step_of(network, config, data, device, name):
            def step(n):
                fails(name, n)
                taken.append((name, n))
                now[0] += n * seconds[name]
                return n * seconds[name]

            return step

        monkeypatch.setattr(module, "perf_counter", lambda: now[0])
        monkeypatch.setattr(module, "_step_of", step_of)
        monkeypatch.setattr(module, "new_network", lambda *_: torch.nn.Linear(1, 1))
        monkeypatch.setattr(module.gc, "collect", lambda: 0)
        return taken

    return make


@pytest.mark.parametrize(
    ("fp32", "bf16", "faster"),
    [
        (1.0, 0.5, "bf16"),
        (1.0, 0.95, "fp32"),
        (1.0, 10.0, "fp32"),
        (1.0, math.inf, "fp32"),
        (math.inf, math.inf, "fp32"),
    ],
)
def test_bf16_is_taken_only_where_it_is_clearly_faster(fp32, bf16, faster):
    assert Trial(fp32, bf16, 32).faster == faster


def test_what_was_measured_is_said_in_words():
    assert Trial(0.2, 0.05, 32).line() == "a training step with 32 images takes 50.0 ms in bf16 and 200.0 ms in fp32"
    assert Trial(0.2, math.inf, 32).line() == "this device cannot compute this network in bf16"


def test_the_trial_is_of_whole_batches_but_not_of_huge_ones_on_a_cpu(stepping):
    taken = stepping(fp32=0.002, bf16=0.001)
    found = try_precisions(Config(), random_data(), CPU, 500)
    assert (found.faster, found.images, found.fp32, found.bf16) == ("bf16", MOST, 0.002 * MOST, 0.001 * MOST)
    assert taken == [(name, n) for n in (FEW, MOST) for _ in range(ROUNDS + 1) for name in ("fp32", "bf16")]


def test_where_bf16_is_hopeless_the_trial_ends_after_a_few_images(stepping):
    taken = stepping(fp32=0.01, bf16=0.1)
    assert try_precisions(Config(), random_data(), CPU, 64).faster == "fp32"
    assert taken == [("fp32", FEW), ("bf16", FEW)] * 2


def test_slow_steps_end_the_trial_after_the_first_ones(stepping):
    taken = stepping(fp32=10.0, bf16=100.0)
    assert try_precisions(Config(), random_data(), CPU, 64).faster == "fp32"
    assert taken == [("fp32", FEW), ("bf16", FEW)]


def test_a_batch_that_does_not_fit_is_tried_in_halves(stepping):
    def fails(name, n):
        if n > 9:
            raise torch.OutOfMemoryError("too much")

    stepping(fails, fp32=0.002, bf16=0.001)
    found = try_precisions(Config(), random_data(), CPU, 64)
    assert (found.faster, found.images) == ("bf16", MOST // 4)
    stepping(lambda name, n: (_ for _ in ()).throw(torch.OutOfMemoryError("too much")), fp32=1.0, bf16=1.0)
    assert try_precisions(Config(), random_data(), CPU, 64).faster == "fp32"


def test_real_steps_leave_the_random_streams_as_they_were():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = try_precisions(Config(), random_data(side=28), CPU, 4)
    assert 0 < found.fp32 < math.inf
    assert 0 < found.bf16 < math.inf
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_that_bf16_cannot_compute_is_computed_in_fp32(monkeypatch):
    class Picky(torch.nn.Linear):
        def forward(self, x):
            if torch.is_autocast_enabled("cpu"):
                raise NotImplementedError("'picky' not implemented for 'BFloat16'")
            return super().forward(x.flatten(1))

    monkeypatch.setattr(module, "new_network", lambda *_: Picky(3 * 8 * 8, 2))
    found = try_precisions(Config(), random_data(), CPU, 4)
    assert (found.bf16, found.faster) == (math.inf, "fp32")
