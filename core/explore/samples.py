"""Sample images of every pseudo-group, and all conflict samples: sheets of small tiles with their descriptions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

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


class Seen(NamedTuple):
    """What is known of every training image, [n]: whether it is a conflict sample, and a network's prediction.

    `predicted` is the class that the network predicts, `confidence` the probability of that class.
    """

    conflicts: NDArray[np.bool_]
    predicted: Integers
    confidence: Floats


def draw_samples(painted: Painted, seed: int, per_cell: int = PER_CELL) -> Integers:
    """Draw up to `per_cell` images of every label in every cluster, sorted by cluster, label and index."""
    cell = painted.cells()
    drawn = np.flatnonzero(places(cell, seed) < per_cell)
    return drawn[np.argsort(cell[drawn], kind="stable")]


def write_samples(folder: Path, images: Pixels, painted: Painted, seed: int, seen: Seen | None = None) -> None:
    """Write the sheet of samples of every pseudo-group and its description into `folder`.

    Args:
        folder: target folder of the two files.
        images: of the training split, uint8 [n, channels, height, width].
        painted: their pseudo-groups, labels, groups and correctness.
        seed: of the draw.
        seen: a network's view of them, whose correctness then replaces that of `painted`.
    """
    drawn = draw_samples(painted, seed)
    _write(folder / SHEET, folder / TILES, images, painted, drawn, seen, len(drawn))


def write_conflicts(folder: Path, images: Pixels, painted: Painted, seen: Seen) -> None:
    """Write a sheet of all conflict samples and its description, the most confident mistakes first.

    Args:
        folder: target folder of the two files.
        images: of the training split, uint8 [n, channels, height, width].
        painted: their pseudo-groups, labels and groups.
        seen: a network's view of them, with at least one conflict sample.
    """
    found = np.flatnonzero(seen.conflicts)
    wrong, confidence = seen.predicted[found] != painted.labels[found], seen.confidence[found]
    order = np.lexsort((np.where(wrong, -confidence, confidence), ~wrong))
    shown = found[order][:MOST_CONFLICTS]
    _write(folder / CONFLICT_SHEET, folder / CONFLICT_TILES, images, painted, shown, seen, len(found))


def _write(
    sheet: Path, about: Path, images: Pixels, painted: Painted, shown: Integers, seen: Seen | None, total: int
) -> None:
    tiles = [thumbnail(images[i]) for i in shown]
    _sheet(tiles).save(sheet)
    value = {
        "tile": list(tiles[0].size),
        "columns": min(COLUMNS, len(tiles)),
        "labels": list(painted.label_names),
        "tiles": [_tile(painted, i, seen) for i in shown],
        "total": total,
    }
    about.write_bytes(orjson.dumps(value))


def _tile(painted: Painted, i: int, seen: Seen | None) -> Tile:
    tile = Tile(
        cluster=int(painted.clusters[i]),
        label=int(painted.labels[i]),
        group=None if painted.groups is None else painted.group_names[painted.groups[i]],
        index=int(i),
        correct=None if painted.correct is None else int(painted.correct[i]),
    )
    if seen is None:
        return tile
    return replace(
        tile,
        correct=int(seen.predicted[i] == painted.labels[i]),
        predicted=int(seen.predicted[i]),
        confidence=round(float(seen.confidence[i]), 4),
        conflict=bool(seen.conflicts[i]),
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
