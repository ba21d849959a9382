import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file

from core.artifacts import BALANCED
from core.errors import StageError
from core.finding.pseudo_groups import PseudoGroups
from core.pruning.contrast import debiased_contrastive_loss
from core.stages.dcwp import Dcwp, RepeatConflicts, usual_weight
from tests.training.stage_lab import context_of, run_folder, shortcut_data


def some_batch(n=12, classes=3):
    random = torch.Generator().manual_seed(0)
    z = torch.randn(n, 5, generator=random, dtype=torch.float64)
    return z, torch.randint(0, classes, (n,), generator=random), torch.rand(n, generator=random) < 0.4


def slow_loss(z, labels, conflicts, temperature):
    s = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / temperature
    losses = []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        positives = [j for j in others if labels[i] == labels[j] and (conflicts[i] or conflicts[j])]
        if positives and len(positives) < len(others):
            total = sum(s[i, j].exp() for j in others)
            losses.append(sum(-(s[i, p].exp() / total).log() for p in positives) / len(positives))
    return sum(losses) / len(losses), len(losses)


def test_the_debiased_contrastive_loss_is_that_of_the_slow_plain_version():
    z, labels, conflicts = some_batch()
    loss, anchors = debiased_contrastive_loss(z, labels, conflicts, 0.3)
    expected, n = slow_loss(z, labels, conflicts, 0.3)
    torch.testing.assert_close(loss, expected)
    assert anchors.item() == n


def test_its_gradient_is_right():
    z, labels, conflicts = some_batch(6, 2)
    assert torch.autograd.gradcheck(
        lambda z: debiased_contrastive_loss(z, labels, conflicts, 0.5)[0], z.requires_grad_()
    )


def test_without_conflict_samples_it_is_zero():
    z, labels, conflicts = some_batch()
    loss, anchors = debiased_contrastive_loss(z.requires_grad_(), labels, conflicts & False, 0.1)
    loss.backward()
    assert (loss.item(), anchors.item(), z.grad.abs().max().item()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("share", "published", "ours"), [(0.005, 80, 100), (0.01, 50, 50), (0.02, 30, 24), (0.05, 10, 10)]
)
def test_the_usual_weight_is_about_the_published_one(share, published, ours):
    conflicts = np.arange(10_000) < share * 10_000
    assert usual_weight(conflicts) == ours
    assert 0.75 < ours / published <= 1.25


def test_all_samples_are_taken_and_conflict_samples_as_often_as_they_weigh(tmp_path):
    data = shortcut_data()
    folder = run_folder(tmp_path)
    train = data.splits["train"]
    conflicts = train.attributes[:, 0] != train.labels
    folder.artifacts("find").mkdir(parents=True)
    PseudoGroups("test", ("a", "b"), train.attributes[:, 0], conflicts).save(folder.artifacts("find"))
    context = context_of(folder, data, stage="balance")
    RepeatConflicts(Dcwp()).run(context)
    entries = load_file(context.directory / BALANCED)
    assert np.bincount(entries["indices"]).tolist() == np.where(conflicts, 4, 1).tolist()  # half of 360, over 40
    assert (entries["weights"] == 1).all()


def test_a_finder_that_found_nothing_ends_the_run(tmp_path):
    data = shortcut_data()
    folder = run_folder(tmp_path)
    labels = data.splits["train"].labels
    folder.artifacts("find").mkdir(parents=True)
    PseudoGroups("test", ("a", "b"), labels, labels < 0).save(folder.artifacts("find"))
    with pytest.raises(StageError, match="found no sample that contradicts"):
        RepeatConflicts(Dcwp()).run(context_of(folder, data, stage="balance"))


def test_samples_without_a_pseudo_group_are_left_out(tmp_path):
    data, folder = shortcut_data(), run_folder(tmp_path)
    train = data.splits["train"]
    groups = np.where(np.arange(400) % 4 == 0, -1, train.attributes[:, 0])
    conflicts = (groups >= 0) & (groups != train.labels)
    folder.artifacts("find").mkdir(parents=True)
    PseudoGroups("from a table", ("a", "b"), groups, conflicts).save(folder.artifacts("find"))
    context = context_of(folder, data, stage="balance")
    RepeatConflicts(Dcwp(weight=3)).run(context)
    drawn = np.bincount(load_file(context.directory / BALANCED)["indices"], minlength=400)
    assert drawn.tolist() == np.where(groups < 0, 0, np.where(conflicts, 3, 1)).tolist()
