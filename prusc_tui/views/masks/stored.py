"""Sizes and masks of layers, read from the files of a run."""

import json
from math import prod
from pathlib import Path

from core.artifacts import MASKS, MODEL
from core.errors import InputError
from core.events import Sparsity
from core.results.overlap import Overlap, overlap
from core.runs.folder import RunFolder

STAGE = "prune"  # the pruning stage
_MOST = 100_000_000  # maximal bytes of a header, as the format prescribes


def layer_sizes(folder: RunFolder, stage: str, before: tuple[str, ...]) -> dict[str, int]:
    """Layer → number of weights, from the headers of the stored masks of a stage, else of the last network before it.

    Empty if nothing is stored yet.
    """
    paths = [folder.artifacts(stage) / MASKS, *(folder.artifacts(name) / MODEL for name in reversed(before))]
    for path in paths:
        try:
            shapes = _shapes(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        return {name.removesuffix(".weight"): prod(shape) for name, shape in shapes.items() if name.endswith(".weight")}
    return {}


def stored_masks(folder: RunFolder, stage: str) -> Sparsity | None:
    """The stored masks of a stage, for runs that reused them and report none; None if unreadable."""
    try:
        found = compare(folder, folder, stage)
    except InputError:
        return None
    ratios = {name: layer.keep_ratios[0] for name, layer in found.layers.items()}
    return Sparsity(stage, 0, found.keep_ratios[0], ratios)


def compare(a: RunFolder, b: RunFolder, stage: str) -> Overlap:
    """Compare the masks of two runs; call off the event loop.

    Raises:
        InputError: masks are missing, unreadable or of different networks.
    """
    from safetensors import SafetensorError

    try:
        return overlap(a, b, stage)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"the masks cannot be read ({error})") from None


def _shapes(path: Path) -> dict[str, list[int]]:
    """Tensor → shape, from the header of a safetensors file: its length (8 bytes), then JSON."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _MOST:
            raise ValueError(f"{path}: invalid header")
        header = json.loads(file.read(length))
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
