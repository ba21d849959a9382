"""Predictions, and their counts per group."""

import numpy as np
import pytest
import torch

from core.data.dataset import DataSet, Split, training_shares
from core.groups import group_titles
from core.training import predict as predict_module
from core.training.head import predict_by_head, represent
from core.training.images import Images
from core.training.predict import count_groups, predict

CPU = torch.device("cpu")


@pytest.fixture
def dataset():
    """Two labels, three colours, two patches; validation has 9 samples for 12 groups."""
    random = np.random.default_rng(1)

    def split(n):
        images = random.integers(0, 256, (n, 3, 4, 4), dtype=np.uint8)
        attributes = np.stack([random.integers(0, 3, n), random.integers(0, 2, n)], axis=1)
        return Split(images, random.integers(0, 2, n), attributes, np.arange(n))

    return DataSet(
        "random",
        ("a", "b"),
        {"colour": ("red", "green", "blue"), "patch": ("on", "off")},
        {"train": split(60), "validation": split(9), "test": split(101)},
        (0.5, 0.5, 0.5),
        (0.3, 0.3, 0.3),
        "",
    )


@pytest.fixture
def network():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2)).requires_grad_(True)


@pytest.mark.parametrize("batch", [1, 10, 1000])
def test_predictions_are_those_of_one_image_after_another(dataset, network, monkeypatch, batch):
    monkeypatch.setattr(predict_module, "BATCH", batch)
    images = Images(dataset, "test", CPU)
    found = predict(network, images)
    assert found.classes.shape == found.probabilities.shape == (101,)
    assert not found.probabilities.requires_grad
    for row in range(101):
        probabilities = torch.softmax(network(images.pixels(torch.tensor([row])))[0], 0)
        assert found.classes[row] == probabilities.argmax()
        assert found.probabilities[row] == pytest.approx(probabilities.max().item(), rel=1e-5)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_counts_are_those_of_a_loop_and_empty_groups_are_there(dataset, split):
    predicted = torch.randint(2, (len(dataset.splits[split]),), generator=torch.Generator().manual_seed(0))
    evaluation = count_groups(predicted, Images(dataset, split, CPU), dataset, split)
    titles = group_titles(dataset.label_names, dataset.attributes)
    assert [(g.label, dict(g.attributes)) for g in evaluation.groups] == titles

    counts = {(label, *attributes.values()): [0, 0] for label, attributes in titles}
    arrays = dataset.splits[split]
    for label, (colour, patch), guess in zip(arrays.labels, arrays.attributes, predicted.tolist(), strict=True):
        key = dataset.label_names[label], dataset.attributes["colour"][colour], dataset.attributes["patch"][patch]
        counts[key][0] += 1
        counts[key][1] += int(guess == label)
    assert [[g.n, g.correct] for g in evaluation.groups] == list(counts.values())
    assert evaluation.split == split
    assert evaluation.training_shares == training_shares(dataset)
    if split == "validation":
        assert min(g.n for g in evaluation.groups) == 0


@pytest.mark.parametrize("batch", [1, 10, 1000])
def test_predictions_by_the_head_alone_are_those_of_the_network_to_the_last_bit(dataset, monkeypatch, batch):
    monkeypatch.setattr(predict_module, "BATCH", batch)
    torch.manual_seed(0)
    body = torch.nn.Conv2d(3, 7, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    network, images = torch.nn.Sequential(*body, torch.nn.Linear(7, 2)).eval(), Images(dataset, "test", CPU)
    features = represent(network, images, torch.arange(len(images)))
    short, whole = predict_by_head(network, features, images), predict(network, images)
    assert torch.equal(short.classes, whole.classes)
    assert torch.equal(short.probabilities, whole.probabilities)
