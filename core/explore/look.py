"""Images of one group or cell with what networks say of them and where they look, as stored and read (no torch)."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from core.data.sample import FAINT, INK, MARGIN, PAPER

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = Literal["group", "cell"]
Bytes = npt.NDArray[np.uint8]

SIDE, GAP, CAPTION, LINE = 160, 6, 40, 16
"""Pixels of a tile of the exported picture, between tiles, of the text below, and of a line of the note above."""
ACROSS = 2
"""Images side by side in the exported picture."""
STRENGTH = 0.75
"""Opacity of a map where it is 1."""
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
COLD, HOT = (170, 20, 90), (255, 222, 60)
RIGHT, WRONG = (120, 200, 125), (255, 130, 115)


@dataclass(frozen=True, slots=True)
class Seen:
    """One image: its number in the split, its label, its group, and class and probability that each network says."""

    index: int
    label: int
    group: str
    predicted: tuple[int, ...]
    confidence: tuple[float, ...]

    def right(self, network: int) -> bool:
        """Whether a network says the label."""
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

    def overlaid(self, i: int, network: int) -> "Image":
        """Image `i` with the map of a network over it."""
        from PIL import Image

        return Image.fromarray(overlaid(self.images[i], self.maps[network, i]))

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays."""
        about = {name: getattr(self, name) for name in self.__slots__ if name not in ("images", "maps")}
        return about | {"seen": [asdict(one) for one in self.seen]}

    def first(self, n: int) -> "Look":
        """The same with the first `n` images only."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return Look(**values | {"seen": self.seen[:n], "images": self.images[:n], "maps": self.maps[:, :n]})


def overlaid(image: Bytes, heat: Bytes) -> Bytes:
    """Lay a map [height, width] over an image [height, width, 3] in grey: the higher, the more opaque and brighter.

    The image is grey so that every colour is of the map.
    """
    share = heat[..., None] / 255
    colour = np.array(COLD) * (1 - share) + np.array(HOT) * share
    opacity = STRENGTH * share
    grey = (image @ np.array(GREY))[..., None]
    return np.asarray(np.rint(grey * (1 - opacity) + colour * opacity), dtype=np.uint8)


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


def sheet(look: Look, heading: str, note: str) -> "Image":
    """One picture of all images: each as it is and with the map of every network, and what these say."""
    from PIL import Image, ImageDraw, ImageFont

    large, small = (ImageFont.load_default(size) for size in (16, 12))
    tiles = 1 + len(look.stages)
    block = (tiles * (SIDE + GAP) - GAP, SIDE + CAPTION)
    across = min(ACROSS, len(look.seen))
    down = -(-len(look.seen) // across)
    between = 4 * GAP
    width = 2 * MARGIN + across * (block[0] + between) - between
    lines = _wrapped(_plain(note), small, width - 2 * MARGIN)
    top = MARGIN + 40 + LINE * len(lines)
    picture = Image.new("RGB", (width, top + down * block[1] + MARGIN), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.text((MARGIN, MARGIN), _plain(heading), INK, large)
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + 26 + LINE * number), line, FAINT, small)
    for number, one in enumerate(look.seen):
        y, x = top + number // across * block[1], MARGIN + number % across * (block[0] + between)
        row = [look.picture(number), *(look.overlaid(number, network) for network in range(len(look.stages)))]
        told = [(f"{one.index}: {one.group}", FAINT), *(_told(look, one, i) for i in range(len(look.stages)))]
        for column, (tile, (text, ink)) in enumerate(zip(row, told, strict=True)):
            left = x + column * (SIDE + GAP)
            picture.paste(_scaled(tile), (left, y))
            pen.text((left, y + SIDE + 4), _fit(_plain(text), small), ink, small)
    return picture


def _told(look: Look, one: Seen, network: int) -> tuple[str, tuple[int, int, int]]:
    said = f"{look.stages[network]}: {look.labels[one.predicted[network]]} {100 * one.confidence[network]:.0f} %"
    return said, RIGHT if one.right(network) else WRONG


def _scaled(tile: "Image") -> "Image":
    """The tile in a square of `SIDE`; small images keep their pixels."""
    from PIL import Image

    scale = SIDE / max(tile.size)
    size = tuple(max(1, round(scale * length)) for length in tile.size)
    return tile.resize((size[0], size[1]), Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS)


def _wrapped(text: str, font: Any, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _fit(text: str, font: Any) -> str:
    while text and font.getlength(text) > SIDE:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
    return text


def _plain(text: str) -> str:
    return text.replace("–", "-").replace("…", "...")  # Pillow's font has neither


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
