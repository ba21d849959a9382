"""A look into a data set: counts and sample images, read by a process of its own that keeps the images out of this one.

`prusc data show NAME --json --sample FILE` makes both; the samples are cut out of its picture.
"""

import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from experiments import subprocesses

if TYPE_CHECKING:
    import subprocess

    from PIL.Image import Image

PER_GROUP = 8
"""Images per group that `core.data.sample.sample_picture` draws."""

_SEEN: dict[str, "DataLook"] = {}


@dataclass(frozen=True, slots=True, eq=False)
class DataLook:
    """What there is to be seen of a data set.

    Attributes:
        about: what `prusc data show --json` says.
        samples: split → for every group, in the order of `about`, some images in RGB.
    """

    about: Mapping[str, Any]
    samples: Mapping[str, "tuple[tuple[Image, ...], ...]"]


def seen(name: str) -> DataLook | None:
    """What was read of this data set or preset before."""
    return _SEEN.get(name)


class Looker:
    """Reads one data set; `cancel` ends it from another thread.

    Args:
        name: data set or preset.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def read(self) -> DataLook | None:
        """Read it, from memory the second time; None where it was cancelled.

        Raises:
            InputError: there is no such data set, or it cannot be read; the sentence is that of `prusc data show`.
        """
        import orjson
        from PIL import Image

        if (known := seen(self.name)) is not None:
            return known
        with tempfile.TemporaryDirectory(prefix="prusc-") as folder:
            file = Path(folder) / "sample.png"
            with self._lock:
                if self._cancelled.is_set():
                    return None
                words = ("data", "show", self.name, "--json", "--sample", str(file))
                process = self._process = subprocesses.start("prusc_tui", *words, outlives=False)
            try:
                said = subprocesses.output_of(process)
            except InputError:
                if not self._cancelled.is_set():
                    raise
            if self._cancelled.is_set():
                return None
            about = orjson.loads(said)
            with Image.open(file) as picture:
                look = DataLook(about, cut(picture.convert("RGB"), about))
        _SEEN[self.name] = look
        return look

    def cancel(self) -> None:
        """End the reading, if it is still at work."""
        with self._lock:
            self._cancelled.set()
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()


def cut(picture: "Image", about: Mapping[str, Any]) -> "dict[str, tuple[tuple[Image, ...], ...]]":
    """Cut the samples out of the picture that `sample_picture` draws, each at its own size."""
    from PIL.Image import Resampling

    from core.data.sample import GAP, HEADING, MARGIN, scale_for

    _, height, width = about["image_shape"]
    across, down = (side * scale_for(height) for side in (width, height))
    left = picture.width - MARGIN - PER_GROUP * (across + GAP) + GAP  # images stand at the right margin
    top = MARGIN
    found = {}
    for name, split in about["splits"].items():
        top += HEADING
        rows = []
        for group in split["groups"]:
            places = [left + column * (across + GAP) for column in range(min(PER_GROUP, group["n"]))]
            tiles = (picture.crop((x, top, x + across, top + down)) for x in places)
            rows.append(tuple(tile.resize((width, height), Resampling.NEAREST) for tile in tiles))
            top += down + GAP
        found[name] = tuple(rows)
        top += MARGIN - GAP
    return found
