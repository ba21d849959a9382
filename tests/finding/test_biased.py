"""Biased networks: what they draw, when they are looked at, and a data set whose conflict samples are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core.config import Compute, Model
from core.data.dataset import DataSet, Split
from core.errors import StageError, Stopped
from core.events import Logged, Warned
from core.finding.biased import (
    LEAST_LOOKED_AT,
    LOOKED_AT,
    BiasedLearner,
    balancing_weights,
    knows_all_classes,
    look_after,
    overlap,
    sample_for_looks,
)
from core.finding.pseudo_groups import PseudoGroups
from core.stages.biased import Biased, FindByBias
from core.training.images import Images
from tests.training.stage_lab import CPU, context_of, random_data, run_folder

LABELS = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2])


def test_every_class_is_drawn_equally_often():
    weights = balancing_weights(LABELS)
    assert [weights[label == LABELS].sum().item() for label in range(3)] == pytest.approx([1, 1, 1])


def test_later_rounds_draw_every_class_with_and_without_mistakes_so_far_equally_often():
    once = torch.tensor([0, 0, 0, 0, 1, 1, 1, 0, 2])
    twice = torch.tensor([0, 0, 2, 2, 0, 2, 1, 1, 2])
    weights = balancing_weights(LABELS, [once, twice])
    sums: dict[tuple[int, bool, bool], float] = {}
    for label, first, second, weight in zip(LABELS, once != LABELS, twice != LABELS, weights, strict=True):
        cell = (int(label), bool(first), bool(second))
        sums[cell] = sums.get(cell, 0) + weight.item()
    assert len(sums) == 7
    assert list(sums.values()) == pytest.approx([1] * 7)


def test_looks_become_rarer():
    looks = [0]
    while looks[-1] < 1000:
        looks.append(look_after(looks[-1]))
    assert looks == [0, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960, 1280]


def test_the_overlap_of_two_sets():
    one, other = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])
    assert overlap(one, other) == overlap(other, one) == pytest.approx(1 / 3)
    assert overlap(one, one) == 1
    assert overlap(one, ~one) == 0
    assert overlap(one & ~one, one & ~one) == 0  # no mistakes at all are not a stable set of mistakes


def test_a_network_that_is_wrong_for_most_of_a_class_does_not_know_it():
    labels = torch.tensor([0] * 10 + [1] * 100)
    wrong = torch.zeros(110, dtype=torch.bool)
    assert knows_all_classes(wrong, labels)
    wrong[:3] = True
    assert knows_all_classes(wrong, labels)
    wrong[:4] = True  # 4 of 110 samples, but 40 % of the small class
    assert not knows_all_classes(wrong, labels)


def test_looks_are_at_a_fixed_sample_of_large_splits_and_at_all_of_small_ones():
    assert sample_for_looks(50, 196, 3).tolist() == list(range(50))
    large = sample_for_looks(3 * LOOKED_AT, 196, 3)
    assert len(large) == len(large.unique()) == LOOKED_AT
    assert large.tolist() == sorted(large.tolist()) == sample_for_looks(3 * LOOKED_AT, 196, 3).tolist()


def test_fewer_large_images_are_looked_at_so_that_looks_stay_cheap_but_never_too_few():
    assert len(sample_for_looks(50_000, 28 * 28, 0)) == LOOKED_AT
    assert len(sample_for_looks(50_000, 2 * 28 * 28, 0)) == LOOKED_AT // 2
    assert len(sample_for_looks(50_000, 224 * 224, 0)) == LEAST_LOOKED_AT


@pytest.fixture
def learner(tmp_path):
    data = random_data()
    context = context_of(run_folder(tmp_path), data, stage="biased")
    train, validation = Images(data, "train", CPU), Images(data, "validation", CPU)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    settings = Biased(lr=0.1)
    return network, BiasedLearner(context, network, settings, 0.7, 8, Compute(), 20, train, validation, None, "order")


def test_the_average_is_a_decaying_mean_of_the_weights_and_of_the_statistics_of_batchnorm(learner):
    network, biased = learner
    mean = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for step in range(12):
        biased.step()
        kept = min(0.95, step / (step + 10))
        for name, now in network.state_dict().items():
            mean[name] = kept * mean[name] + (1 - kept) * now if now.is_floating_point() else now
    for name, tensor in biased.average.state_dict().items():
        torch.testing.assert_close(tensor, mean[name].to(tensor.dtype), rtol=1e-4, atol=1e-5)
    assert not torch.equal(biased.average[0].weight, network[0].weight)
    assert not biased.average.training


def test_mistakes_are_those_of_the_average(learner):
    _, biased = learner
    biased.step()
    with torch.no_grad():
        biased.average[-1].weight.zero_()
        biased.average[-1].bias.copy_(torch.tensor([0.0, 1.0]))  # says 'b' for everything
    rows = torch.arange(40).flip(0)
    assert biased.mistakes(rows).tolist() == (random_data().splits["train"].labels[::-1] == 0).tolist()


def coloured(n=600, conflicts=0.1, seed=0):
    """Two classes whose colour is easy; the position of a dim dot tells the class of every sample."""
    random = np.random.default_rng(seed)

    def split(size):
        labels = random.integers(0, 2, size)
        colours = np.where(random.random(size) < conflicts, 1 - labels, labels)
        images = random.integers(0, 60, (size, 3, 6, 6))
        images[np.arange(size), colours] += 150
        images[np.arange(size), :, 2, 2 + labels] += 90
        return Split(images.astype(np.uint8), labels, colours[:, None], np.arange(size))

    splits = {"train": split(n), "validation": split(200), "test": split(20)}
    return DataSet("dots", ("left", "right"), {"colour": ("red", "green")}, splits, (0.2,) * 3, (0.3,) * 3, "")


def found_in(tmp_path, data, **settings):
    events = []
    context = context_of(run_folder(tmp_path), data, stage="biased", events=events)
    biased = Biased(**{"batch_size": 32, "max_steps": 80, "lr": 0.02, **settings})
    FindByBias(biased, Model(name="mlp")).run(context)
    return PseudoGroups.load(context.directory), [event.text for event in events if isinstance(event, Logged)]


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_mistakes_are_the_samples_whose_colour_contradicts_the_class(tmp_path, rounds):
    data = coloured()
    found, said = found_in(tmp_path, data, rounds=rounds)
    for numbers, split in ((found.train, "train"), (found.validation, "validation")):
        assert (numbers == data.splits[split].attributes[:, 0]).all()
    assert (found.conflicts == (data.splits["train"].attributes[:, 0] != data.splits["train"].labels)).all()
    assert found.names == ("predicted left", "predicted right")
    assert "1 round" in found.source
    assert "samples are wrong" in said[0]


def test_a_round_that_finds_an_earlier_shortcut_again_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr("core.finding.biased.balancing_weights", lambda labels, predicted=(): balancing_weights(labels))
    found, said = found_in(tmp_path, coloured(), overlap_later=0.5)
    assert "1 round" in found.source
    assert any("round 2" in line for line in said)
    assert "mistakes are those of an earlier round" in said[-1]


def test_a_network_that_never_tells_the_classes_apart_ends_the_run_with_a_way_out(tmp_path):
    data = coloured()
    train = data.splits["train"]
    guesswork = replace(train, labels=np.random.default_rng(1).integers(0, 2, len(train)))
    data = replace(data, splits={**data.splits, "train": guesswork})
    with pytest.raises(StageError, match=r"no biased network learned .* biased\.max_steps"):
        found_in(tmp_path, data, lr=1e-9)


def test_mistakes_that_never_settle_are_used_with_a_warning(tmp_path):
    events = []
    data, _ = with_hard_samples()
    context = context_of(run_folder(tmp_path), data, stage="biased", events=events)
    FindByBias(Biased(batch_size=32, max_steps=20, lr=0.02, overlap=1.0), Model(name="mlp")).run(context)
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.code == "unstable-mistakes"
    assert "after 20 steps, and are used as they are" in warned.text
    found = PseudoGroups.load(context.directory)
    assert "1 round" in found.source
    train = data.splits["train"]
    assert found.conflicts[train.attributes[:, 0] != train.labels].mean() > 0.7


def test_a_finder_that_was_stopped_in_its_first_round_begins_the_second_with_the_same_network(tmp_path, monkeypatch):
    first_weights = []
    usual = BiasedLearner.__init__

    def noted(self, context, network, *others):
        first_weights.append(next(network.parameters()).detach().clone())
        usual(self, context, network, *others)

    monkeypatch.setattr(BiasedLearner, "__init__", noted)

    def run(folder, stop_asked):
        torch.seed()
        context = context_of(folder, coloured(200), stage="biased", stop_asked=stop_asked)
        settings = Biased(batch_size=32, max_steps=40, lr=0.02, overlap=0.0, rounds=2)
        FindByBias(settings, Model(name="mlp")).run(context)

    run(run_folder(tmp_path / "whole"), lambda: False)
    expected = first_weights[-1]
    stopped, calls = run_folder(tmp_path / "stopped"), iter([False] * 4)
    with pytest.raises(Stopped):
        run(stopped, lambda: next(calls, True))
    first_weights.clear()
    run(stopped, lambda: False)
    assert len(first_weights) == 2  # one in each round
    assert torch.equal(first_weights[-1], expected)


def with_hard_samples(share=0.15):
    """As `coloured`, but the colour of some images is hardly seen: hard, and mostly no conflict samples."""
    data, random = coloured(n=1500, conflicts=0.06), np.random.default_rng(5)
    splits, hard = {}, {}
    for name, split in data.splits.items():
        hard[name] = random.random(len(split.labels)) < share
        images = split.images.astype(int)
        rows = np.flatnonzero(hard[name])
        images[rows, split.attributes[rows, 0]] -= 145
        splits[name] = replace(split, images=images.clip(0, 255).astype(np.uint8))
    return replace(data, splits=splits), hard["train"]


def test_a_second_opinion_leaves_out_mistakes_that_are_only_hard(tmp_path):
    data, hard = with_hard_samples()
    train = data.splits["train"]
    conflicts = train.attributes[:, 0] != train.labels
    plain, _ = found_in(tmp_path / "plain", data, rounds=1, second_opinion=False, overlap=0.5)
    found, said = found_in(tmp_path / "opinion", data, rounds=1, overlap=0.5)
    assert (plain.conflicts & hard & ~conflicts).sum() >= 10
    assert (found.conflicts & ~conflicts).sum() <= 1
    assert found.conflicts[conflicts & ~hard].all()
    assert (found.train[~found.conflicts] == train.labels[~found.conflicts]).all()
    assert any("mistakes may only be hard samples" in line for line in said)
    validation = data.splits["validation"]
    wrong = validation.attributes[:, 0] == validation.labels
    assert ((found.validation != validation.labels) & wrong).sum() <= (
        (plain.validation != validation.labels) & wrong
    ).sum()
