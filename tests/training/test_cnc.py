"""Correct-n-Contrast: its pairs, and the joint loss."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.config import Compute, Erm, Model, Select
from core.errors import StageError
from core.finding.pseudo_groups import PseudoGroups
from core.stages.cnc import Cnc, TrainContrastively
from core.training.images import Images
from core.training.network import new_network
from tests.training.stage_lab import CPU, context_of, random_data, run_folder


def slow_contrast(z, labels, predicted, conflicts, temperature, sides):
    """The published loss, anchor by anchor and pair by pair."""
    unit, losses = F.normalize(z, dim=1).tolist(), []
    similar = [
        [math.exp(math.fsum(a * b for a, b in zip(u, v, strict=True)) / temperature) for v in unit] for u in unit
    ]
    for i in range(len(unit)):
        if sides == "one" and conflicts[i]:
            continue
        positives = [j for j in range(len(unit)) if labels[j] == labels[i] and predicted[j] != predicted[i]]
        negatives = [j for j in range(len(unit)) if labels[j] != labels[i] and predicted[j] == predicted[i]]
        if not positives or not negatives:
            continue
        total = sum(similar[i][j] for j in positives + negatives)
        losses.append(-sum(math.log(similar[i][j] / total) for j in positives) / len(positives))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("sides", ["two", "one"])
def test_the_loss_of_a_batch_is_that_of_all_its_published_pairs_plus_cross_entropy(tmp_path, sides):
    data = random_data()
    labels = data.splits["train"].labels
    predicted = np.random.default_rng(1).integers(0, 2, len(labels))
    found = PseudoGroups("errors", ("a", "b"), predicted, predicted != labels)
    cnc = Cnc(weight=0.6, temperature=0.5, sides=sides)
    stage = TrainContrastively(Erm(batch_size=16), Model(name="mlp"), Select(), Compute(), cnc)
    draw = stage.draw(found, torch.from_numpy(labels))
    context = context_of(run_folder(tmp_path), data, stage="retrain")
    images = Images(data, "train", CPU), Images(data, "validation", CPU)
    learner = stage.learner(context, new_network(stage.model, data), 10, images, draw, found)
    drawn = torch.arange(20)
    outputs = learner.outputs(images[0].pixels(drawn))
    losses = learner.losses(outputs, drawn)
    logits, z = (output.double() for output in outputs)
    contrast = slow_contrast(z, labels[:20], predicted[:20], found.conflicts[:20], 0.5, sides)
    entropy = F.cross_entropy(logits, torch.from_numpy(labels[:20])).item()
    assert losses["contrast"].item() == pytest.approx(contrast, rel=1e-5)
    assert losses["loss"].item() == pytest.approx(0.6 * contrast + 0.4 * entropy, rel=1e-5)


def test_pseudo_groups_without_pairs_are_refused():
    stage = TrainContrastively(Erm(), Model(), Select(), Compute(), Cnc())
    labels = np.array([0, 0, 1, 1])
    for groups in ([0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 0, 0]):
        found = PseudoGroups("none", ("a", "b", "c", "d"), np.array(groups), np.zeros(4, dtype=bool))
        with pytest.raises(StageError, match="no pair to contrast"):
            stage.draw(found, torch.from_numpy(labels))


def test_every_pseudo_group_and_label_is_drawn_equally_often():
    stage = TrainContrastively(Erm(), Model(), Select(), Compute(), Cnc())
    labels, groups = np.array([0] * 6 + [1] * 6), np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0])
    found = PseudoGroups("errors", ("a", "b"), groups, groups != labels)
    weights = stage.draw(found, torch.from_numpy(labels)).weights
    mass = torch.zeros(4, dtype=torch.float64).index_add_(0, torch.from_numpy(groups * 2 + labels), weights)
    torch.testing.assert_close(mass / mass.sum(), torch.full((4,), 0.25, dtype=torch.float64))
