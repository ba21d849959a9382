"""Contexts for stages that run outside of a pipeline, and data that is small enough for them."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from core.data.dataset import DataSet, Split
from core.engine.context import StageContext
from core.errors import InputError
from core.events import Event
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord, new_id

CPU = torch.device("cpu")


def run_folder(path: Path) -> RunFolder:
    record = RunRecord(id=new_id(), name="test", recipe="erm", data="random", created=0.0)
    return RunFolder.create(Home.open(path), record)


def context_of(
    folder: RunFolder,
    data: DataSet | None = None,
    *,
    stage: str = "erm",
    events: list[Event] | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> StageContext:
    said = [] if events is None else events
    assert data is not None or stage == "none"
    return StageContext(folder, stage, device, 3, lambda: data, said.append, stop_asked)  # type: ignore[arg-type,return-value]


def random_data(n: int = 40, side: int = 8, *, crop: int = 0, augment: bool = False) -> DataSet:
    """Random images of two labels and two colours; the label can be told from the brightness."""
    random = np.random.default_rng(0)

    def split(n: int) -> Split:
        labels = random.integers(0, 2, n)
        pixels = random.integers(0, 156, (n, 3, side, side)) + 99 * labels[:, None, None, None]
        return Split(pixels.astype(np.uint8), labels, random.integers(0, 2, (n, 1)), np.arange(n))

    return DataSet(
        "random",
        ("a", "b"),
        {"colour": ("red", "green")},
        {"train": split(n), "validation": split(16), "test": split(16)},
        (0.5,) * 3,
        (0.3,) * 3,
        "",
        crop=crop,
        augment=augment,
    )


class Decoded:
    """Pixels that are made when asked for, as files are decoded; says who asked for which rows."""

    def __init__(self, pixels):
        self._pixels = pixels
        self.asked = []
        self.broken = set()
        self.gate = None

    shape = property(lambda self: self._pixels.shape)
    dtype = property(lambda self: self._pixels.dtype)

    def __len__(self):
        return len(self._pixels)

    def __getitem__(self, rows):
        self.asked.append((threading.current_thread(), rows if isinstance(rows, slice) else rows.tolist()))
        if self.gate is not None:
            assert self.gate.wait(10)
        numbers = range(*rows.indices(len(self))) if isinstance(rows, slice) else rows.tolist()
        if bad := self.broken & set(numbers):
            raise InputError(f"image {bad.pop()} is broken")
        return self._pixels[rows].copy()


def shortcut_data(n: int = 400, *, conflicts: float = 0.1, core: int = 0) -> DataSet:
    """Images of 4×4 whose first channel is bright by the attribute, which a known share of samples contradicts.

    The second channel is brighter by `core` for label 1, the only trace of the label itself.
    """
    random = np.random.default_rng(0)

    def split(n: int, share: float) -> Split:
        labels = random.integers(0, 2, n)
        attribute = np.where(np.arange(n) < share * n, 1 - labels, labels)
        pixels = random.integers(0, 100, (n, 3, 4, 4))
        pixels[:, 0] += 150 * attribute[:, None, None]
        pixels[:, 1] += core * labels[:, None, None]
        return Split(pixels.astype(np.uint8), labels, attribute[:, None], np.arange(n))

    splits = {"train": split(n, conflicts), "validation": split(100, 0.5), "test": split(100, 0.5)}
    return DataSet("shortcut", ("a", "b"), {"bright": ("a", "b")}, splits, (0.5,) * 3, (0.3,) * 3, "")
