"""Pictures of the pseudo-groups of a run, as they are stored and read: maps and sample images (no torch, no numpy)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.artifacts import CONFLICT_SHEET, CONFLICT_TILES, SHEET, TILES

if TYPE_CHECKING:
    from PIL.Image import Image

    from core.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Map:
    """A subsample of the training images in the plane, as columns of equal length.

    Attributes:
        method: `pca` or `tsne`.
        epoch: age of the checkpoint whose representation is drawn; NaN for the final network of ERM.
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
    """One tile: pseudo-group, class, title of the group (None without attributes) and number of the image.

    `correct` is 1 if the network is right, else 0; None if it was not evaluated. `predicted` is the class that it
    predicts and `confidence` its probability; `conflict` whether it is a conflict sample; None if unknown.
    """

    cluster: int
    label: int
    group: str | None
    index: int
    correct: int | None
    predicted: int | None = None
    confidence: float | None = None
    conflict: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A sheet of tiles, in RGB: tiles of `size` (width, height) in pixels, by pseudo-group, then label, then index.

    There are `total` such images in all.
    """

    tiles: Sequence[Tile]
    labels: Sequence[str]
    size: tuple[int, int]
    columns: int
    sheet: "Image"
    total: int = 0

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


def artifacts_with(folder: "RunFolder", name: str) -> Path:
    """Artifacts of stage `find`, or of `cluster` if a run by an earlier version has the file there."""
    old = folder.artifacts("cluster")
    return old if (old / name).exists() else folder.artifacts("find")


def map_file(folder: "RunFolder", method: str) -> Path:
    """File of a map: an artifact, or else the one computed later."""
    artifact = artifacts_with(folder, f"map-{method}.json") / f"map-{method}.json"
    return artifact if artifact.exists() else computed_map(folder, method)


def read_map(folder: "RunFolder", method: str) -> Map | None:
    """Read a map; None if there is none that can be read."""
    import orjson

    try:
        value: dict[str, Any] = orjson.loads(map_file(folder, method).read_bytes())
        epoch = float("nan") if value["epoch"] is None else value["epoch"]
        return Map(**{name: value[name] for name in Map.__slots__} | {"epoch": epoch})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_samples(folder: "RunFolder") -> Samples | None:
    """Read the sample images of the pseudo-groups; None if there are none that can be read."""
    return _read(artifacts_with(folder, TILES), TILES, SHEET)


def read_conflicts(folder: "RunFolder") -> Samples | None:
    """Read the images of the conflict samples, the most confident mistakes first; None if there are none."""
    return _read(folder.artifacts("find"), CONFLICT_TILES, CONFLICT_SHEET)


def _read(artifacts: Path, tiles: str, picture: str) -> Samples | None:
    import orjson
    from PIL import Image

    try:
        about: dict[str, Any] = orjson.loads((artifacts / tiles).read_bytes())
        with Image.open(artifacts / picture) as file:
            sheet = file.convert("RGB")
        known = [Tile(**{name: tile[name] for name in Tile.__slots__ if name in tile}) for tile in about["tiles"]]
        width, height = about["tile"]
        total = about.get("total", len(known))
        return Samples(known, about["labels"], (width, height), about["columns"], sheet, total)
    except (OSError, ValueError, KeyError, TypeError):
        return None
