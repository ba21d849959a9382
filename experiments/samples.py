"""Sample images of the clusters of a run, as stage `cluster` stored them (no torch)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.runs.folder import RunFolder

if TYPE_CHECKING:
    from PIL.Image import Image


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
        (width, height), (row, column) = self.size, divmod(range(len(self.tiles))[i], self.columns)
        return self.sheet.crop((column * width, row * height, (column + 1) * width, (row + 1) * height))

    def of(self, cluster: int, label: int) -> list[int]:
        """Numbers of the tiles of a label in a cluster."""
        return [i for i, tile in enumerate(self.tiles) if (tile.cluster, tile.label) == (cluster, label)]


def read_samples(folder: RunFolder) -> Samples | None:
    """Read the sample images; None if there are none that can be read."""
    import orjson
    from PIL import Image

    artifacts = folder.artifacts("cluster")
    try:
        about: dict[str, Any] = orjson.loads((artifacts / "samples.json").read_bytes())
        with Image.open(artifacts / "samples.png") as file:
            sheet = file.convert("RGB")
        tiles = [Tile(**{name: tile[name] for name in Tile.__slots__}) for tile in about["tiles"]]
        width, height = about["tile"]
        return Samples(tiles, about["labels"], (width, height), about["columns"], sheet)
    except (OSError, ValueError, KeyError, TypeError):
        return None
