"""Sample images of every cluster, by label: a sheet of small tiles with its description."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from core.artifacts import SHEET, TILES
from core.clustering.kmeans import Integers
from core.data.dataset import Images, Pixels
from core.data.sample import rgb
from core.explore.map import Painted, places
from core.explore.pictures import Tile

if TYPE_CHECKING:
    from PIL.Image import Image

PER_CELL = 8
"""Maximum number of images per label and cluster."""
SIDE = 32
"""Maximum length of the longer side of a tile in pixels."""
COLUMNS = 32
"""Maximum number of tiles per row."""


def draw_samples(painted: Painted, seed: int, per_cell: int = PER_CELL) -> Integers:
    """Draw up to `per_cell` images of every label in every cluster, sorted by cluster, label and index."""
    cell = painted.cells()
    drawn = np.flatnonzero(places(cell, seed) < per_cell)
    return drawn[np.argsort(cell[drawn], kind="stable")]


def write_samples(folder: Path, images: Pixels, painted: Painted, seed: int) -> None:
    """Write the sheet of images, uint8 [n, channels, height, width], and its description into `folder`."""
    from PIL import Image

    drawn = draw_samples(painted, seed)
    tiles = [thumbnail(images[i]) for i in drawn]
    width, height = tiles[0].size
    columns = min(COLUMNS, len(tiles))
    sheet = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * height))
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % columns * width, number // columns * height))
    sheet.save(folder / SHEET)
    about = [
        Tile(
            cluster=int(painted.clusters[i]),
            label=int(painted.labels[i]),
            group=None if painted.groups is None else painted.group_names[painted.groups[i]],
            index=int(i),
            correct=None if painted.correct is None else int(painted.correct[i]),
        )
        for i in drawn
    ]
    value = {"tile": [width, height], "columns": columns, "labels": list(painted.label_names), "tiles": about}
    (folder / TILES).write_bytes(orjson.dumps(value))


def thumbnail(image: Images, side: int = SIDE) -> "Image":
    """Convert an image [channels, height, width] to RGB, and shrink it if it is larger than `side`."""
    from PIL import Image

    picture = Image.fromarray(rgb(image))
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)
