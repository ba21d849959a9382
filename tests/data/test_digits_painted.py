"""What is in the pixels."""

from itertools import combinations

import numpy as np
import pytest

from core.data.dataset import channel_statistics
from core.data.draw import stream
from core.data.paint import COLOURS, paint_grey, paint_patch
from core.data.sets.colored_mnist import ColoredMnist
from core.data.sets.multi_mnist import MultiMnist
from core.data.sets.patch_mnist import PatchMnist
from core.data.sets.texture_mnist import TextureMnist
from core.data.textures import texture_sheets

SMALL = {"train_size": 2_000, "validation_size": 400, "test_size": 400}


def table(names):
    return np.array([COLOURS[name] for name in names])


def test_every_image_is_three_channels_of_28_by_28_bytes(make):
    for kind in (ColoredMnist, PatchMnist, TextureMnist, MultiMnist):
        for split in make(kind(**SMALL)).splits.values():
            assert split.images.shape[1:] == (3, 28, 28)
            assert split.images.dtype == np.uint8
            assert split.labels.dtype == split.attributes.dtype == split.index.dtype == np.int64


@pytest.mark.parametrize("saturation", [0.0, 0.4, 1.0])
def test_each_pixel_of_a_coloured_digit_is_its_grey_times_the_colour_of_the_attribute(make, train_digits, saturation):
    dataset = make(
        ColoredMnist(train_size=2_000, validation_size=400, test_size=500, classes=10, saturation=saturation)
    )
    split = dataset.splits["train"]
    full = table(dataset.attributes["colour"])[split.attributes[:, 0]]
    colour = np.rint(255 - saturation * (255 - full))
    grey = train_digits.images[split.index].astype(np.float64)
    expected = grey[:, None] * colour[:, :, None, None] / 255
    assert np.abs(split.images - expected).max() <= 0.5
    assert set(split.attributes[:, 0]) == set(range(10))


def test_colours_are_well_apart_and_begin_with_red_and_green():
    assert list(COLOURS)[:2] == ["red", "green"]
    assert len(COLOURS) == 10
    assert min(np.linalg.norm(np.subtract(a, b)) for a, b in combinations(COLOURS.values(), 2)) > 110
    assert all(max(colour) == 255 for colour in COLOURS.values())


def test_a_patch_is_there_where_the_attribute_says_so_and_nowhere_else(make, train_digits):
    dataset = make(PatchMnist(**SMALL, patch_size=4))
    split = dataset.splits["train"]
    coloured = (split.images != split.images[:, :1]).any(axis=1)
    there = split.attributes[:, 0] == dataset.attributes["patch"].index("patch")
    assert 0 < there.sum() < len(split)
    assert np.array_equal(coloured.sum(axis=(1, 2)), np.where(there, 16, 0))
    grey = train_digits.images[split.index]
    assert np.array_equal(split.images[:, 0][~coloured], grey[~coloured])


def test_digits_below_five_go_with_a_patch(make):
    dataset = make(PatchMnist(**SMALL, correlation=1.0))
    split = dataset.splits["train"]
    coloured = (split.images != split.images[:, :1]).any(axis=(1, 2, 3))
    assert np.array_equal(coloured, split.labels == 0)


@pytest.mark.parametrize("size", [2, 5, 10])
def test_a_patch_is_one_filled_square_near_a_corner(size):
    images = paint_grey(np.zeros((400, 28, 28), dtype=np.uint8))
    paint_patch(images, np.ones(400, dtype=bool), size, stream(0, "patch"))
    corners = set()
    for image in images:
        rows, columns = np.nonzero(image.any(axis=0))
        assert len(np.unique(image[:, rows, columns], axis=1).T) == 1
        top, left = rows.min(), columns.min()
        assert (len(rows), np.ptp(rows), np.ptp(columns)) == (size * size, size - 1, size - 1)
        assert all(min(start, 28 - size - start) <= 2 for start in (top, left))
        corners.add((top > 2, left > 2))
    assert len(corners) == 4


def test_a_patch_covers_little_of_the_digit(make, train_digits):
    split = make(PatchMnist(**SMALL)).splits["train"]
    covered = (split.images != split.images[:, :1]).any(axis=1)
    ink = train_digits.images[split.index].astype(np.int64)
    assert (ink * covered).sum() / ink[covered.any(axis=(1, 2))].sum() < 0.02


def test_a_patch_on_a_coloured_digit_leaves_its_colour(make):
    dataset = make(MultiMnist(**SMALL, saturation=1.0))
    split = dataset.splits["train"]
    assert list(dataset.attributes) == ["colour", "patch"]
    patch = split.images[:, 2] > 0  # neither red nor green has blue; every patch colour has
    assert np.array_equal(patch.any(axis=(1, 2)), split.attributes[:, 1] == dataset.attributes["patch"].index("patch"))
    digit = np.where(patch[:, None], 0, split.images)
    assert np.array_equal(digit[:, 0].any(axis=(1, 2)), split.attributes[:, 0] == 0)
    assert np.array_equal(digit[:, 1].any(axis=(1, 2)), split.attributes[:, 0] == 1)


def test_textures_are_told_apart_by_which_of_blue_and_red_is_more(make):
    split = make(TextureMnist(**SMALL)).splits["train"]
    red, blue = (split.images[:, channel].mean(axis=(1, 2)) for channel in (0, 2))
    assert np.array_equal((blue < red).astype(np.int64), split.attributes[:, 0])


def test_textures_differ_in_structure_and_not_in_brightness():
    water, land = texture_sheets(0).astype(np.float64)
    assert np.array_equal(np.sort(water, axis=None), np.sort(land, axis=None))
    along_water, along_land = (np.abs(np.diff(sheet, axis=1)).mean() for sheet in (water, land))
    assert along_land > 3 * along_water


def test_every_image_has_its_own_piece_of_texture(make):
    split = make(TextureMnist(**SMALL, contrast=1.0)).splits["train"]
    corner = split.images[:, :, :4, :4].reshape(len(split), -1)  # no ink there on nearly every image
    assert len(np.unique(corner, axis=0)) > 0.95 * len(split)


@pytest.mark.parametrize("contrast", [0.0, 0.3, 1.0])
def test_contrast_bounds_the_texture_and_leaves_the_digit_on_top(make, train_digits, contrast):
    split = make(TextureMnist(**SMALL, contrast=contrast)).splits["train"]
    grey = train_digits.images[split.index]
    assert (split.images >= grey[:, None]).all()
    background = split.images.max(axis=1)[grey == 0]
    assert background.max() <= 255 * contrast + 0.5
    assert background.max() >= 0.95 * 255 * contrast
    if contrast < 1:
        assert (split.images == 255).all(axis=1).sum() == (grey == 255).sum()


def test_channel_statistics_are_those_of_the_plain_formula():
    images = stream(0, "images").integers(0, 256, (50, 3, 9, 7), dtype=np.uint8)
    images[:, 2] = 40
    mean, std = channel_statistics(images, chunk=16)
    assert mean == pytest.approx((images / 255).mean(axis=(0, 2, 3)), abs=1e-12)
    assert std[:2] == pytest.approx((images[:, :2] / 255).std(axis=(0, 2, 3)), abs=1e-12)
    assert std[2] == 1.0
