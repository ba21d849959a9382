"""Names and contents of the files among the artifacts of a run (no torch)."""

from collections.abc import Mapping
from pathlib import Path

MODEL = "model.safetensors"
"""The final network of a stage."""
MASKS = "masks.safetensors"
"""For each masked parameter a boolean tensor, true where the weight is kept."""
CLUSTERS = "clusters.safetensors"
"""Of `cluster` in runs of earlier versions: `assignments` int64 [n], row i is training image i; and others."""
PSEUDO_GROUPS = "pseudo-groups.safetensors"
"""Of `find` and every finder: `train` int64 [n], `conflicts` bool [n], and possibly `validation` int64 [m]."""
GROUP_NAMES = "pseudo-groups.json"
"""Beside it: `source`, `names` of the pseudo-groups, `per_class`, `epoch`."""
BALANCED = "balanced.safetensors"
"""Of `balance`: `indices` int64 [m] into the training split, `weights` float32 [m]."""
ENVIRONMENTS = "environments.safetensors"
"""Of `environments`: one tensor `<number>/<name>` each, int64 [size], indices of training images."""
SPARSITY = "sparsity.json"
"""Of `sparse`: a list of its points."""
PCA_MAP = "map-pca.json"
MAPPED = "mapped.safetensors"
"""Beside the map: `features` float32 [mapped, d], the representation of its images."""
SHEET = "samples.png"
TILES = "samples.json"
CONFLICT_SHEET = "conflicts.png"
CONFLICT_TILES = "conflicts.json"

NETWORK_FILES: Mapping[str, str] = {
    r"model\.safetensors": "final network",
    r"predictions-(.+)\.safetensors": "classes and probabilities, {1} split",
}
"""Written by every stage that trains a network."""
MASKED_FILES: Mapping[str, str] = {**NETWORK_FILES, r"masks\.safetensors": "weights kept, by layer"}
FINDER_FILES: Mapping[str, str] = {
    r"pseudo-groups\.safetensors": "pseudo-group of each image",
    r"pseudo-groups\.json": "names of the pseudo-groups",
}
"""Written by every finder."""
FOUND_FILES: Mapping[str, str] = {
    **FINDER_FILES,
    r"map-(.+)\.json": "map of the representation by {1}",
    r"mapped\.safetensors": "representation of the images on the map",
    r"samples\.png": "sample images of every pseudo-group",
    r"samples\.json": "index of the sample images",
    r"conflicts\.png": "images of the conflict samples",
    r"conflicts\.json": "index of the images of the conflict samples",
}
"""Written by `find`, and by `cluster` in runs of earlier versions."""


def kept_file(artifacts: Path, epoch: float) -> Path:
    """File of the weights after `epoch` passes, among the artifacts of `erm`."""
    return artifacts / f"epoch-{epoch:g}.safetensors"


def features_file(artifacts: Path, epoch: float) -> Path:
    """File of the representation after `epoch` passes, among the artifacts of `represent`."""
    return artifacts / f"features-{epoch:g}.safetensors"


def represented(artifacts: Path) -> dict[float, Path]:
    """Epoch → file with the representation after it, in increasing order."""
    files = {float(file.stem.partition("-")[2]): file for file in artifacts.glob("features-*.safetensors")}
    return dict(sorted(files.items()))


def predictions_file(artifacts: Path, split: str) -> Path:
    """File of the predictions on `split`, among the artifacts of a stage that trains a network."""
    return artifacts / f"predictions-{split}.safetensors"
