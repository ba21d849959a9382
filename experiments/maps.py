"""Compute maps of the representation of a run: `python -m experiments.maps --home HOME --method tsne RUN`."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from core.explore.pictures import Map, computed_map, map_file, read_map
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.text import safe_text

if TYPE_CHECKING:
    from core.clustering.kmeans import Floats

METHODS = ("pca", "tsne")
WAITS = 600.0
"""Seconds to wait for another process that computes the same map."""


def words(folder: RunFolder, method: str) -> list[str]:
    """Arguments of `python -m experiments.maps` that compute a map."""
    return ["--home", str(folder.home.root), "--method", method, folder.id]


def compute(folder: RunFolder, method: str) -> Path:
    """Compute a map of the pseudo-groups of the run, store it, and return its file; imports torch.

    If several processes want one map at once, one computes it and the others wait. Raises InputError if the run has no
    pseudo-groups yet, or its representation is gone.
    """
    from core.runs.disk import locked, replace_file

    record = folder.record()
    if not map_file(folder, "pca").exists():
        raise InputError(
            f"run '{record.name}' has no pseudo-groups yet, so there is nothing to map; it is {record.status}"
        )
    target = computed_map(folder, method)
    target.parent.mkdir(exist_ok=True)
    there = target.exists()
    with locked(target.with_suffix(".lock"), f"the {method} map of run '{record.name}'", timeout=WAITS):
        if there or not target.exists():
            replace_file(target, _computed(folder, method))
    return target


def _computed(folder: RunFolder, method: str) -> bytes:
    import orjson

    from core.engine.randomness import derive_seed
    from core.explore.map import tsne_map

    if method == "pca" or (pca := read_map(folder, "pca")) is None:
        return map_file(folder, "pca").read_bytes()
    return orjson.dumps(tsne_map(_mapped(folder, pca), pca, derive_seed(folder.record().seed, "find", "map")))


def _mapped(folder: RunFolder, pca: Map) -> "Floats":
    """Representation of the images on the map."""
    from safetensors.numpy import load_file

    from core.artifacts import MAPPED, features_file

    if (file := folder.artifacts("find") / MAPPED).exists():
        return load_file(file)["features"]
    file = features_file(folder.artifacts("represent"), pca.epoch)  # of an earlier version
    if not file.exists():
        raise InputError(f"the representation of run '{folder.record().name}' is gone: {file}")
    return load_file(file)["features"][list(pca.index)]


def main() -> int:
    """Compute one map; return 0 if it is stored, 2 if that is not possible."""
    parser = argparse.ArgumentParser(prog="python -m experiments.maps", description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--method", choices=METHODS, default="tsne")
    given = parser.parse_args()
    os.nice(10)  # training comes first
    try:
        print(compute(RunFolder.open(Home.open(given.home), given.run), given.method))  # noqa: T201
    except InputError as error:
        sys.stderr.write(f"error: {safe_text(str(error))}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
