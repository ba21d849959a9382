"""Counts and sample images of a data set, read in a separate process."""

import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from experiments import subprocesses

if TYPE_CHECKING:
    import subprocess

    from PIL.Image import Image

_SEEN: dict[str, "DataLook"] = {}


@dataclass(frozen=True, slots=True, eq=False)
class DataLook:
    """Facts and images of a data set."""

    about: Mapping[str, Any]
    """Output of `prusc data show --json`."""
    samples: Mapping[str, "tuple[tuple[Image, ...], ...]"]
    """Split → RGB images of every group, in the order of `about`."""


def seen(name: str) -> DataLook | None:
    """The cached result for a data set or preset."""
    return _SEEN.get(name)


def forget(name: str) -> None:
    """Read a data set or preset again, the next time."""
    _SEEN.pop(name, None)


class Looker:
    """Reads one data set or preset; `cancel` stops it from another thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def read(self) -> DataLook | None:
        """Read it, the second time from the cache; None if it was cancelled.

        Raises:
            InputError: the data set does not exist or cannot be read, as reported by `prusc data show`.
        """
        import orjson

        if (known := seen(self.name)) is not None:
            return known
        with tempfile.TemporaryDirectory(prefix="prusc-") as folder:
            file = Path(folder) / "pixels"
            with self._lock:
                if self._cancelled.is_set():
                    return None
                words = ("data", "show", self.name, "--json", "--pixels", str(file))
                process = self._process = subprocesses.start("prusc_tui", *words, outlives=False)
            try:
                output = subprocesses.output_of(process)
            except InputError:
                if not self._cancelled.is_set():
                    raise
            if self._cancelled.is_set():
                return None
            about = orjson.loads(output)
            look = DataLook(about, images_in(file.read_bytes(), about))
        _SEEN[self.name] = look
        return look

    def cancel(self) -> None:
        with self._lock:
            self._cancelled.set()
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()


def images_in(pixels: bytes, about: Mapping[str, Any]) -> "dict[str, tuple[tuple[Image, ...], ...]]":
    """Split raw RGB bytes into images, by split and group."""
    from PIL import Image

    _, height, width = about["image_shape"]
    size = 3 * height * width
    parts = (pixels[start : start + size] for start in range(0, len(pixels), size))
    images = (Image.frombytes("RGB", (width, height), part) for part in parts)
    return {split: tuple(tuple(islice(images, count)) for count in counts) for split, counts in about["pixels"].items()}
