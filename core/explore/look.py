"""Images of one group or cell with the predictions of networks and where these look, as stored and read (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from core.artifacts import MODEL, predictions_file
from core.groups import LEAST_IN_CELL
from core.runs.folder import RunFolder

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = Literal["group", "cell"]
Bytes = npt.NDArray[np.uint8]
SPLIT: Mapping[Kind, Literal["test", "validation"]] = {"group": "test", "cell": "validation"}
"""Split whose images are shown."""

STRENGTH = 0.75
"""Opacity of a map where it is 1."""
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
COLD, HOT = (170, 20, 90), (255, 222, 60)


@dataclass(frozen=True, slots=True)
class Counts:
    """Number of images of every group or cell of a split, and how many of them each network gets right.

    Titles and totals are in the order of the numbers of the groups; `correct` maps a stage to one number for each.
    """

    kind: Kind
    titles: tuple[str, ...]
    totals: tuple[int, ...]
    correct: Mapping[str, tuple[int, ...]]

    def worst(self, stage: str) -> int:
        """Number of the group with the lowest accuracy, the first one on a tie; small cells only if all are small."""
        there = [i for i, total in enumerate(self.totals) if total]
        least = LEAST_IN_CELL if self.kind == "cell" else 1
        large = [i for i in there if self.totals[i] >= least]
        return min(large or there, key=lambda i: self.correct[stage][i] / self.totals[i])


@dataclass(frozen=True, slots=True)
class Seen:
    """One image: its number in the split, its label, its group, and each network's prediction with its probability."""

    index: int
    label: int
    group: str
    predicted: tuple[int, ...]
    confidence: tuple[float, ...]

    def right(self, network: int) -> bool:
        """Whether a network predicts the label."""
        return self.predicted[network] == self.label


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Images of a group or a cell, the most confident mistakes of one of the networks first.

    Attributes:
        stages: of the networks, the one before the treatment first.
        by: the stage whose mistakes come first.
        attributes_used: split whose attributes the run used, with its rule of `selection`, as in its record.
        total: images of the group; `correct` of them each network gets right.
        labels: names of the classes.
        images: as the networks see them, RGB, uint8 [n, height, width, 3].
        maps: for each network, class-activation map of the class that it predicts, uint8 [networks, n, height, width].
    """

    split: str
    kind: Kind
    title: str
    stages: tuple[str, ...]
    by: str
    attributes_used: str
    selection: str
    total: int
    correct: tuple[int, ...]
    labels: tuple[str, ...]
    seen: tuple[Seen, ...]
    images: Bytes
    maps: Bytes

    def picture(self, i: int) -> "Image":
        """Image `i` as it is."""
        from PIL import Image

        return Image.fromarray(self.images[i])

    def heat(self, i: int, network: int) -> "Image":
        """Map of a network for image `i`, in grey."""
        from PIL import Image

        return Image.fromarray(self.maps[network, i])

    def overlaid(self, i: int, network: int, size: tuple[int, int] | None = None) -> "Image":
        """Image `i` with the map of a network over it; both are first resized to `size` (width, height) if given."""
        from PIL import Image

        image, heat = self.picture(i), self.heat(i, network)
        if size is not None:
            image, heat = (one.resize(size, Image.Resampling.BOX) for one in (image, heat))
        return Image.fromarray(overlaid(np.asarray(image), np.asarray(heat)))

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays."""
        about = {name: getattr(self, name) for name in self.__slots__ if name not in ("images", "maps")}
        return about | {"seen": [asdict(one) for one in self.seen]}

    def part(self, start: int, stop: int) -> "Look":
        """The same with some of the images only."""
        cut = slice(start, stop)
        return replace(self, seen=self.seen[cut], images=self.images[cut], maps=self.maps[:, cut])

    def and_then(self, more: "Look") -> "Look":
        """The same with further images of the group."""
        return replace(
            self,
            seen=self.seen + more.seen,
            images=np.concatenate([self.images, more.images]),
            maps=np.concatenate([self.maps, more.maps], axis=1),
        )


def overlaid(image: Bytes, heat: Bytes) -> Bytes:
    """Lay a map [height, width] over an image [height, width, 3] in grey: the higher, the more opaque and brighter.

    The image is grey so that every colour is of the map.
    """
    share = heat[..., None] / 255
    colour = np.array(COLD) * (1 - share) + np.array(HOT) * share
    opacity = STRENGTH * share
    grey = (image @ np.array(GREY))[..., None]
    return np.asarray(np.rint(grey * (1 - opacity) + colour * opacity), dtype=np.uint8)


def evaluated_stages(folder: RunFolder, stages: Sequence[str], kind: Kind) -> list[str]:
    """Those stages of a run that have a network and its predictions for the split that is shown."""
    return [
        name
        for name in stages
        if (folder.artifacts(name) / MODEL).exists() and predictions_file(folder.artifacts(name), SPLIT[kind]).exists()
    ]


def before_and_after(stages: Sequence[str]) -> tuple[str, ...]:
    """The first and the last of the stages, whose networks are compared unless others are asked for."""
    return tuple(dict.fromkeys((*stages[:1], *stages[-1:])))


def look_file(folder: RunFolder, kind: Kind, number: int, stages: Sequence[str], by: str) -> Path:
    """File of a `Look` among the views of a run, given the number of the group and its other attributes."""
    return folder.path / "views" / f"{'-'.join(['look', SPLIT[kind], *stages, by, kind, str(number)])}.safetensors"


def counts_file(folder: RunFolder, kind: Kind, stages: Sequence[str]) -> Path:
    """File of `Counts` among the views of a run."""
    return folder.path / "views" / f"{'-'.join(['look', SPLIT[kind], *stages, f'{kind}s'])}.json"


def write_counts(file: Path, counts: Counts) -> None:
    """Write them as JSON."""
    import orjson

    from core.runs.disk import replace_file

    replace_file(file, orjson.dumps(counts))


def read_counts(file: Path) -> Counts | None:
    """Read what `write_counts` wrote; None if it is not there or cannot be read."""
    import orjson

    try:
        value: dict[str, Any] = orjson.loads(file.read_bytes())
        return Counts(**_tuples(value) | {"correct": _tuples(value["correct"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_look(file: Path, look: Look) -> None:
    """Write it as `file` (the arrays, safetensors) and a description beside it, which is written last."""
    import orjson
    from safetensors.numpy import save

    from core.runs.disk import replace_file

    replace_file(file, save({"images": np.ascontiguousarray(look.images), "maps": np.ascontiguousarray(look.maps)}))
    replace_file(file.with_suffix(".json"), orjson.dumps(look.to_json()))


def read_look(file: Path) -> Look | None:
    """Read what `write_look` wrote; None if it is not there or cannot be read."""
    import orjson
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        about: dict[str, Any] = orjson.loads(file.with_suffix(".json").read_bytes())
        arrays = load_file(file)
        seen = tuple(Seen(**_tuples(one)) for one in about.pop("seen"))
        return Look(**_tuples(about), seen=seen, images=arrays["images"], maps=arrays["maps"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
