"""Names of the files among the artifacts of a run, and what is in them (no torch)."""

from collections.abc import Mapping
from pathlib import Path

MODEL = "model.safetensors"
"""The network that a stage hands on."""
MASKS = "masks.safetensors"
"""Weights that are kept: a boolean tensor for each masked one."""
CLUSTERS = "clusters.safetensors"
"""Of `cluster`: `assignments` int64 [n], row i is training image i; `table` int64 [k, classes]; and `epoch` float64 [],
the age of the checkpoint that was clustered."""
BALANCED = "balanced.safetensors"
"""Of `balance`: `indices` int64 [m] into the training split, `weights` float32 [m]."""
ENVIRONMENTS = "environments.safetensors"
"""Of `environments`: for each a tensor `<number>/<name>`, int64 [size], numbers of training images."""
PCA_MAP = "map-pca.json"
SHEET = "samples.png"
TILES = "samples.json"

NETWORK_FILES: Mapping[str, str] = {
    r"model\.safetensors": "network that is handed on",
    r"predictions-(.+)\.safetensors": "classes and probabilities, {1} split",
}
"""What every stage that trains a network writes."""
MASKED_FILES: Mapping[str, str] = {**NETWORK_FILES, r"masks\.safetensors": "weights kept, by layer"}
CLUSTER_FILES: Mapping[str, str] = {
    r"clusters\.safetensors": "cluster of each training image",
    r"map-(.+)\.json": "map of the representation by {1}",
    r"samples\.png": "sheet of images by cluster",
    r"samples\.json": "where each image is on the sheet",
}


def kept_file(artifacts: Path, epoch: float) -> Path:
    """Weights after `epoch` passes, among the artifacts of `erm`."""
    return artifacts / f"epoch-{epoch:g}.safetensors"


def features_file(artifacts: Path, epoch: float) -> Path:
    """Representation after `epoch` passes, among the artifacts of `represent`."""
    return artifacts / f"features-{epoch:g}.safetensors"


def represented(artifacts: Path) -> dict[float, Path]:
    """Epoch → file with the representation after it, in rising order."""
    files = {float(file.stem.partition("-")[2]): file for file in artifacts.glob("features-*.safetensors")}
    return dict(sorted(files.items()))


def predictions_file(artifacts: Path, split: str) -> Path:
    """Predictions on `split`, among the artifacts of a stage that trains a network."""
    return artifacts / f"predictions-{split}.safetensors"
