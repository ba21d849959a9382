import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.config import Model
from core.data.dataset import DataSet, Split
from core.finding.gce import generalised_cross_entropy
from core.finding.pseudo_groups import PseudoGroups
from core.models.networks import build
from core.stages.small_field import FindBySmallField, SmallField
from tests.training.stage_lab import context_of, run_folder


@pytest.mark.parametrize(("side", "field"), [(14, 5), (28, 5), (64, 9), (112, 17), (224, 33)])
def test_a_feature_sees_a_small_square_of_the_image(side, field):
    torch.manual_seed(0)
    network = build("small-field", 2, 3, (side, side)).eval()
    images = torch.randn(4, 3, side, side, requires_grad=True)
    features = network.features(images)
    centre = features[:, :, features.shape[2] // 2, features.shape[3] // 2]
    centre.sum().backward()
    rows, columns = images.grad.abs().sum((0, 1)).nonzero().unbind(1)
    for places in (rows, columns):
        assert places.max() - places.min() + 1 == field
        assert places.unique().numel() == field


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (2, 14), (3, 61)])
def test_it_takes_any_channels_and_size(channels, size):
    assert build("small-field", 5, channels, (size, size))(torch.randn(2, channels, size, size)).shape == (2, 5)


def test_exponent_0_is_the_plain_cross_entropy_and_the_limit_of_small_exponents():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 3, generator=random, dtype=torch.float64)
    labels = torch.randint(0, 3, (50,), generator=random)
    plain = F.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(generalised_cross_entropy(logits, labels, 0.0), plain)
    torch.testing.assert_close(generalised_cross_entropy(logits, labels, 1e-7), plain, rtol=1e-5, atol=1e-6)


def textured(n=400, side=16):
    """Labels that only a texture shows, which a known share of samples contradicts."""
    random = np.random.default_rng(0)

    def split(n, share):
        labels = random.integers(0, 2, n)
        attribute = np.where(np.arange(n) < share * n, 1 - labels, labels)
        stripes = 60 * (np.indices((side, side)).sum(0) % 2)
        flat = np.full((side, side), 30)
        pixels = np.where(attribute[:, None, None] == 1, stripes, flat) + random.integers(60, 120, (n, side, side))
        return Split(pixels[:, None].astype(np.uint8), labels, attribute[:, None], np.arange(n))

    splits = {"train": split(n, 0.1), "validation": split(100, 0.5), "test": split(100, 0.5)}
    return DataSet("textured", ("a", "b"), {"texture": ("flat", "striped")}, splits, (0.5,), (0.3,), "")


@pytest.mark.parametrize("q", [0.0, 0.7])
def test_the_finder_finds_samples_whose_texture_contradicts_their_label(tmp_path, q):
    data = textured()
    context = context_of(run_folder(tmp_path), data, stage="small-field")
    FindBySmallField(SmallField(q=q, lr=0.01), Model()).run(context)
    found = PseudoGroups.load(context.directory)
    train, validation = data.splits["train"], data.splits["validation"]
    assert found.source == "network of small receptive field, 1 round"
    assert (found.conflicts == (train.attributes[:, 0] != train.labels)).mean() > 0.98
    assert (found.validation == validation.attributes[:, 0]).mean() > 0.98
