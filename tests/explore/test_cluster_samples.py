import numpy as np
import orjson
import pytest
from PIL import Image

from core.data.sample import rgb
from core.explore.map import Painted
from core.explore.samples import draw_samples, thumbnail, write_samples


def painted(clusters, labels, groups=None, correct=None) -> Painted:
    names = ("a · x", "a · y", "b · x", "b · y") if groups is not None else ()
    return Painted(np.asarray(labels), np.asarray(clusters), groups, correct, ("a", "b"), names)


def test_up_to_eight_of_every_label_in_every_cluster_by_lot():
    rng = np.random.default_rng(0)
    labels, clusters = rng.integers(2, size=400), rng.integers(3, size=400)
    clusters[labels == 1] = np.minimum(clusters[labels == 1], 1)  # cluster 2 has no b
    clusters[:5], labels[:5] = 4, 0  # cluster 3 is empty; cluster 4 has five of a
    drawn = draw_samples(painted(clusters, labels), seed=1)
    cells = [(int(clusters[i]), int(labels[i])) for i in drawn]
    assert cells == sorted(cells)
    assert {cell: cells.count(cell) for cell in cells} == {
        (0, 0): 8, (0, 1): 8, (1, 0): 8, (1, 1): 8, (2, 0): 8, (4, 0): 5,
    }  # fmt: skip
    np.testing.assert_array_equal(drawn, draw_samples(painted(clusters, labels), seed=1))
    assert set(drawn) != set(draw_samples(painted(clusters, labels), seed=2))


@pytest.mark.parametrize(
    ("channels", "expected"), [(1, (10, 10, 10)), (2, (10, 20, 0)), (3, (10, 20, 30)), (4, (10, 20, 30))]
)
def test_any_number_of_channels_makes_a_colour(channels, expected):
    image = np.full((channels, 4, 6), 10, dtype=np.uint8) * np.arange(1, channels + 1, dtype=np.uint8)[:, None, None]
    assert rgb(image).shape == (4, 6, 3)
    assert tuple(rgb(image)[2, 3]) == expected


def test_large_images_are_scaled_down_by_area_and_small_ones_left_alone():
    board = np.indices((64, 128)).sum(axis=0) % 2 * 200  # squares of one pixel: their mean is 100
    tile = thumbnail(board[None].astype(np.uint8))
    assert tile.size == (32, 16)
    assert set(tile.get_flattened_data() if hasattr(tile, "get_flattened_data") else tile.getdata()) == {(100,) * 3}
    small = np.arange(28 * 28, dtype=np.uint16).reshape(1, 28, 28).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(thumbnail(small))[..., 0], small[0])


def test_the_sheet_holds_every_tile_where_the_description_says(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(200, 3, 6, 4), dtype=np.uint8)
    labels, clusters, groups = rng.integers(2, size=200), rng.integers(4, size=200), rng.integers(4, size=200)
    correct = rng.integers(2, size=200).astype(bool)
    write_samples(tmp_path, images, painted(clusters, labels, groups, correct), seed=0)
    about = orjson.loads((tmp_path / "samples.json").read_bytes())
    sheet = np.asarray(Image.open(tmp_path / "samples.png"))
    assert about["tile"] == [4, 6]
    assert len(about["tiles"]) == 64  # two rows of the sheet
    names = ("a · x", "a · y", "b · x", "b · y")
    for number, tile in enumerate(about["tiles"]):
        row, column = divmod(number, about["columns"])
        pixels = sheet[row * 6 : row * 6 + 6, column * 4 : column * 4 + 4]
        i = tile["index"]
        np.testing.assert_array_equal(pixels, images[i].transpose(1, 2, 0))
        assert tile["cluster"] == clusters[i]
        assert tile["label"] == labels[i]
        assert tile["group"] == names[groups[i]]
        assert tile["correct"] == correct[i]
