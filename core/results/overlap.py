"""Overlap of the masks of two runs (no torch)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.artifacts import MASKS
from core.errors import InputError
from core.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class LayerOverlap:
    """One layer that both runs mask: its number of weights, and how many of them each run and both keep."""

    weights: int
    kept: tuple[int, int]
    both: int

    @property
    def iou(self) -> float:
        """Intersection over union of the kept weights; 1 if both keep none."""
        union = sum(self.kept) - self.both
        return self.both / union if union else 1.0

    @property
    def keep_ratios(self) -> tuple[float, float]:
        return self.kept[0] / self.weights, self.kept[1] / self.weights


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two masks of one network: the layers that both mask, sorted by name."""

    layers: Mapping[str, LayerOverlap]

    @property
    def total(self) -> LayerOverlap:
        """All layers masked by both, as one layer."""
        parts = self.layers.values()
        kept = sum(part.kept[0] for part in parts), sum(part.kept[1] for part in parts)
        return LayerOverlap(sum(part.weights for part in parts), kept, sum(part.both for part in parts))

    @property
    def iou(self) -> float:
        return self.total.iou

    @property
    def keep_ratios(self) -> tuple[float, float]:
        return self.total.keep_ratios

    @property
    def by_chance(self) -> float:
        """Expected `iou` of random masks with the same keep ratio in every layer."""
        both = sum(part.kept[0] * part.kept[1] / part.weights for part in self.layers.values())
        union = sum(self.total.kept) - both
        return both / union if union else 1.0


def overlap(a: RunFolder, b: RunFolder, stage: str = "prune") -> Overlap:
    """Compare the final masks of a stage of two runs; raises InputError without masks, or if the networks differ."""
    import numpy as np
    from safetensors import safe_open

    with safe_open(_masks(a, stage), framework="np") as ours, safe_open(_masks(b, stage), framework="np") as theirs:
        others = set(theirs.keys())
        shared = [name for name in ours.keys() if name in others]  # noqa: SIM118  # not a mapping
        layers: dict[str, LayerOverlap] = {}
        for name in shared:
            mine, other = ours.get_tensor(name), theirs.get_tensor(name)
            if mine.shape != other.shape:
                raise InputError(
                    f"runs '{a.record().name}' and '{b.record().name}' have different networks: "
                    f"'{name}' is {_times(mine.shape)} in one and {_times(other.shape)} in the other"
                )
            kept = int(np.count_nonzero(mine)), int(np.count_nonzero(other))
            layers[name.removesuffix(".weight")] = LayerOverlap(mine.size, kept, int(np.count_nonzero(mine & other)))
    if not shared:
        raise InputError(f"runs '{a.record().name}' and '{b.record().name}' have no masked layer in common")
    return Overlap(layers)


def _masks(folder: RunFolder, stage: str) -> Path:
    path = folder.artifacts(stage) / MASKS
    if not path.is_file():
        raise InputError(f"run '{folder.record().name}' has no masks of stage '{stage}' yet; it is {folder.status()}")
    return path


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
