import pytest
import torch
import torch.nn.functional as F

from core.config import Compute, Model
from core.events import Evaluated, Event, Selected
from core.finding.pseudo_groups import PseudoGroups
from core.finding.twins import (
    TwinLearner,
    class_mean_cross_entropy,
    cross_mistakes,
    flip,
    flip_probability,
    of_twin,
    random_halves,
)
from core.models.pair import Pair
from core.stages.twins import FindByTwins, Twins
from core.training.images import Images
from core.training.predict import Predictions
from tests.training.stage_lab import CPU, context_of, run_folder, shortcut_data


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_sample_belongs_to_one_of_two_equal_halves():
    half = random_halves(101, seed=3)
    assert torch.bincount(half).tolist() == [51, 50]
    assert not torch.equal(half, random_halves(101, seed=4))


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_the_flip_probability_is_that_of_the_paper(n_classes):
    confidence = torch.linspace(1 / n_classes, 1, 7, dtype=torch.float64)
    expected = (confidence - 1 / n_classes) * n_classes / (n_classes - 1)
    torch.testing.assert_close(flip_probability(confidence, n_classes), expected)
    assert flip_probability(confidence, n_classes)[[0, -1]].tolist() == pytest.approx([0, 1], abs=1e-12)


def test_labels_follow_the_other_twin_as_often_as_it_is_sure():
    logits = torch.tensor([0.0, 1.5, 0.5]).expand(20_000, 3)
    labels = torch.randint(0, 3, (20_000,), generator=generator())
    after = flip(logits, labels, generator(1))
    changed = after != labels
    assert (after[changed] == 1).all()
    sure = flip_probability(logits[0].softmax(0).max(), 3).item()
    assert changed[labels != 1].float().mean().item() == pytest.approx(sure, abs=0.01)


def test_the_loss_is_the_mean_over_the_classes_present():
    logits = torch.randn(30, 4, generator=generator(), dtype=torch.float64)
    labels = torch.tensor([0] * 20 + [1] * 7 + [3] * 3)
    slow = sum(F.cross_entropy(logits[labels == c], labels[labels == c]) for c in (0, 1, 3)) / 3
    torch.testing.assert_close(class_mean_cross_entropy(logits.float(), labels), slow.float())


def test_cross_mistakes_are_the_wrong_classes_of_the_surer_twin():
    random = generator()
    one, other = (
        Predictions(torch.randint(0, 3, (200,), generator=random), torch.rand(200, generator=random)) for _ in range(2)
    )
    labels = torch.randint(0, 3, (200,), generator=random)
    expected = []
    for i, label in enumerate(labels.tolist()):
        wrong = [(p.probabilities[i].item(), p.classes[i].item()) for p in (one, other) if p.classes[i] != label]
        expected.append(max(wrong)[1] if wrong else label)
    assert cross_mistakes(one, other, labels).tolist() == expected


def small_twins():
    torch.manual_seed(0)
    return Pair(*(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2)) for _ in range(2)))


def learner_of(tmp_path, twins, settings):
    data = shortcut_data()
    context = context_of(run_folder(tmp_path), data, stage="twins")
    train, validation = (Images(data, name, CPU) for name in ("train", "validation"))
    half = random_halves(len(train), 0)
    return TwinLearner(context, twins, settings, 64, Compute(), 20, train, half, validation), train, half


def test_a_twin_sees_only_its_half_and_its_labels_only_follow_the_other(tmp_path):
    settings = Twins(lr=0.1, momentum=0.0)
    twins = small_twins()
    learner, train, half = learner_of(tmp_path, twins, settings)
    drawn = torch.randperm(400, generator=learner._order._generator.clone_state())[:64]
    labels, pixels = train.labels[drawn], train.pixels(drawn)
    before = [network[1].weight.detach().clone() for network in (twins.first, twins.second)]
    logits = twins(pixels)
    loss = class_mean_cross_entropy(of_twin(logits, half[drawn]), labels)
    outside = of_twin(logits, 1 - half[drawn]).detach()
    gradients = torch.autograd.grad(loss, [twins.first[1].weight, twins.second[1].weight])
    learner.step()
    for network, weight, gradient in zip((twins.first, twins.second), before, gradients, strict=True):
        torch.testing.assert_close(network[1].weight.detach(), weight - 0.1 * gradient)
    moved = learner.labels != train.labels
    assert set(moved.nonzero().flatten().tolist()) <= set(drawn.tolist())
    guess = dict(zip(drawn.tolist(), outside.argmax(1).tolist(), strict=True))
    assert all(learner.labels[i].item() == guess[i] for i in moved.nonzero().flatten().tolist())


def test_in_the_end_the_labels_are_those_of_the_shortcut(tmp_path):
    learner, train, _ = learner_of(tmp_path, small_twins(), Twins(lr=0.05))
    for _ in range(60):
        losses = learner.step()
    attribute = torch.from_numpy(shortcut_data().splits["train"].attributes[:, 0])
    assert (learner.labels == attribute).float().mean() > 0.99
    assert losses["flipped labels"].item() == pytest.approx(0.1, abs=0.01)
    assert (train.labels != attribute).float().mean().item() == pytest.approx(0.1)


@pytest.mark.parametrize("mistakes", ["held-out", "either"])
def test_the_finder_finds_the_known_conflicts(tmp_path, mistakes):
    data = shortcut_data()
    folder = run_folder(tmp_path)
    events: list[Event] = []
    context = context_of(folder, data, stage="twins", events=events)
    FindByTwins(Twins(steps=60, lr=0.01, mistakes=mistakes), Model(name="mlp")).run(context)
    found = PseudoGroups.load(context.directory)
    train, validation = data.splits["train"], data.splits["validation"]
    assert (found.train == train.attributes[:, 0]).mean() > 0.98
    assert ((found.train != train.labels) == found.conflicts).all()
    assert found.validation is not None
    assert (found.validation == validation.attributes[:, 0]).mean() > 0.98
    assert not [event for event in events if isinstance(event, Evaluated | Selected)]  # the twins are not the result
