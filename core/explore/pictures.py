"""Pictures of the clusters of a run, as they are stored and read: maps and sample images (no torch, no numpy)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.artifacts import SHEET, TILES

if TYPE_CHECKING:
    from PIL.Image import Image

    from core.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Map:
    """A subsample of the training images in the plane, as columns of equal length.

    Attributes:
        method: `pca` or `tsne`.
        epoch: age of the checkpoint whose representation is drawn.
        explained: share of the variance along x and along y; empty if it is undefined.
        index: number of the image in the training split.
        group: None if the data set has no attributes.
        correct: 1 if the network of that checkpoint is right, else 0; None if it was not evaluated.
    """

    method: str
    epoch: float
    explained: Sequence[float]
    index: Sequence[int]
    x: Sequence[float]
    y: Sequence[float]
    label: Sequence[int]
    cluster: Sequence[int]
    group: Sequence[int] | None
    correct: Sequence[int] | None
    labels: Sequence[str]
    groups: Sequence[str]

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: cluster, class, title of the group (None without attributes) and number of the image.

    `correct` is 1 if the network whose representation was clustered is right, else 0; None if it was not evaluated.
    """

    cluster: int
    label: int
    group: str | None
    index: int
    correct: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A sheet of tiles, in RGB: tiles of `size` (width, height) in pixels, by cluster, then label, then index."""

    tiles: Sequence[Tile]
    labels: Sequence[str]
    size: tuple[int, int]
    columns: int
    sheet: "Image"

    def tile(self, i: int) -> "Image":
        """Picture of tile `i`."""
        (width, height), (row, column) = self.size, divmod(range(len(self.tiles))[i], self.columns)
        return self.sheet.crop((column * width, row * height, (column + 1) * width, (row + 1) * height))

    def of(self, cluster: int, label: int) -> list[int]:
        """Numbers of the tiles of a label in a cluster."""
        return [i for i, tile in enumerate(self.tiles) if (tile.cluster, tile.label) == (cluster, label)]


def computed_map(folder: "RunFolder", method: str) -> Path:
    """File of a map that was computed for a run, in its folder `views`."""
    return folder.path / "views" / f"map-{method}.json"


def read_map(folder: "RunFolder", method: str) -> Map | None:
    """Read the map of stage `cluster`, or else the one computed later; None if there is none that can be read."""
    import orjson

    artifact = folder.artifacts("cluster") / f"map-{method}.json"
    try:
        file = artifact if artifact.exists() else computed_map(folder, method)
        value: dict[str, Any] = orjson.loads(file.read_bytes())
        return Map(**{name: value[name] for name in Map.__slots__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_samples(folder: "RunFolder") -> Samples | None:
    """Read the sample images of stage `cluster`; None if there are none that can be read."""
    import orjson
    from PIL import Image

    artifacts = folder.artifacts("cluster")
    try:
        about: dict[str, Any] = orjson.loads((artifacts / TILES).read_bytes())
        with Image.open(artifacts / SHEET) as file:
            sheet = file.convert("RGB")
        tiles = [Tile(**{name: tile[name] for name in Tile.__slots__}) for tile in about["tiles"]]
        width, height = about["tile"]
        return Samples(tiles, about["labels"], (width, height), about["columns"], sheet)
    except (OSError, ValueError, KeyError, TypeError):
        return None
