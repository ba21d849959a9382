"""Sample images of every pseudo-group, and all conflict samples: sheets of small tiles with their descriptions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from core.artifacts import CONFLICT_SHEET, CONFLICT_TILES, SHEET, TILES
from core.clustering.kmeans import Floats, Integers
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
MOST_CONFLICTS = 4096
"""Maximum number of conflict samples on their sheet."""


def draw_samples(painted: Painted, seed: int, per_cell: int = PER_CELL) -> Integers:
    """Draw up to `per_cell` images of every label in every cluster, sorted by cluster, label and index."""
    cell = painted.cells()
    drawn = np.flatnonzero(places(cell, seed) < per_cell)
    return drawn[np.argsort(cell[drawn], kind="stable")]


def write_samples(folder: Path, images: Pixels, painted: Painted, seed: int) -> None:
    """Write the sheet and its description into `folder`.

    Args:
        folder: target folder of the two files.
        images: of the training split, uint8 [n, channels, height, width].
        painted: their clusters, labels, groups and predictions.
        seed: seed of the draw.
    """
    drawn = draw_samples(painted, seed)
    tiles = [thumbnail(images[i]) for i in drawn]
    _sheet(tiles).save(folder / SHEET)
    value = {
        "tile": list(tiles[0].size),
        "columns": min(COLUMNS, len(tiles)),
        "labels": list(painted.label_names),
        "tiles": [_tile(painted, i) for i in drawn],
    }
    (folder / TILES).write_bytes(orjson.dumps(value))


def write_conflicts(
    folder: Path, images: Pixels, painted: Painted, conflicts: Integers, predicted: Integers, confidence: Floats
) -> None:
    """Write a sheet of all conflict samples and its description into `folder`, the most confident mistakes first.

    Args:
        folder: target folder of the two files.
        images: of the training split, uint8 [n, channels, height, width].
        painted: their pseudo-groups, labels and groups.
        conflicts: indices of the conflict samples, [c].
        predicted: class that the network predicts for every training image, [n].
        confidence: probability of that class, [n].
    """
    wrong = predicted[conflicts] != painted.labels[conflicts]
    order = np.lexsort((np.where(wrong, -confidence[conflicts], confidence[conflicts]), ~wrong))
    shown = conflicts[order][:MOST_CONFLICTS]
    sheet = _sheet([thumbnail(images[i]) for i in shown])
    sheet.save(folder / CONFLICT_SHEET)
    about = [
        replace(
            _tile(painted, i),
            correct=int(predicted[i] == painted.labels[i]),
            predicted=int(predicted[i]),
            confidence=round(float(confidence[i]), 4),
        )
        for i in shown
    ]
    width, height = thumbnail(images[shown[0]]).size
    value = {
        "tile": [width, height],
        "columns": min(COLUMNS, len(shown)),
        "labels": list(painted.label_names),
        "tiles": about,
        "total": len(conflicts),
    }
    (folder / CONFLICT_TILES).write_bytes(orjson.dumps(value))


def _tile(painted: Painted, i: int) -> Tile:
    return Tile(
        cluster=int(painted.clusters[i]),
        label=int(painted.labels[i]),
        group=None if painted.groups is None else painted.group_names[painted.groups[i]],
        index=int(i),
        correct=None if painted.correct is None else int(painted.correct[i]),
    )


def _sheet(tiles: "Sequence[Image]") -> "Image":
    from PIL import Image

    width, height = tiles[0].size
    columns = min(COLUMNS, len(tiles))
    sheet = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * height))
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % columns * width, number // columns * height))
    return sheet


def thumbnail(image: Images, side: int = SIDE) -> "Image":
    """Convert an image [channels, height, width] to RGB, and shrink it if it is larger than `side`."""
    from PIL import Image

    picture = Image.fromarray(rgb(image))
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)
