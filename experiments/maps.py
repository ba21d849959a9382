"""Compute maps of the representation of a run: `python -m experiments.maps --home HOME --method tsne RUN`."""

import argparse
import os
import sys
from pathlib import Path

from core.errors import InputError
from core.explore.pictures import computed_map
from core.runs.folder import RunFolder
from core.runs.home import Home

METHODS = ("pca", "tsne")
WAITS = 600.0
"""Seconds to wait for another process that computes the same map."""


def words(folder: RunFolder, method: str) -> list[str]:
    """Arguments of `python -m experiments.maps` that compute a map."""
    return ["--home", str(folder.home.root), "--method", method, folder.id]


def compute(folder: RunFolder, method: str) -> Path:
    """Compute a map of the clusters that the run chose, store it, and return its file; imports torch.

    If several processes want one map at once, one computes it and the others wait. Raises InputError if the run has no
    clusters yet, or its representation is gone.
    """
    from core.runs.disk import locked, replace_file

    record = folder.record()
    if not (folder.artifacts("cluster") / "clusters.safetensors").exists():
        raise InputError(f"run '{record.name}' has no clusters yet, so there is nothing to map; it is {record.status}")
    target = computed_map(folder, method)
    target.parent.mkdir(exist_ok=True)
    there = target.exists()
    with locked(target.with_suffix(".lock"), f"the {method} map of run '{record.name}'", timeout=WAITS):
        if there or not target.exists():
            replace_file(target, _computed(folder, method))
    return target


def _computed(folder: RunFolder, method: str) -> bytes:
    import orjson
    from safetensors.numpy import load_file

    from core.artifacts import CLUSTERS, features_file
    from core.data.load import glance
    from core.engine.randomness import derive_seed
    from core.explore.map import paint, pca_map, tsne_map
    from experiments import bundled
    from experiments.plan import config_of

    record = folder.record()
    epoch = _chosen_epoch(folder)
    file = features_file(folder.artifacts("represent"), epoch)
    if not file.exists():
        raise InputError(f"the representation of run '{record.name}' at epoch {epoch:g} is gone: {file}")
    tensors = load_file(file)
    clusters = load_file(folder.artifacts("cluster") / CLUSTERS)["assignments"]
    painted = paint(glance(config_of(record).data, bundled.folder()), clusters, tensors.get("classes"))
    make = {"pca": pca_map, "tsne": tsne_map}[method]
    return orjson.dumps(make(tensors["features"], painted, epoch, derive_seed(record.seed, "cluster", "map")))


def _chosen_epoch(folder: RunFolder) -> float:
    """Age of the checkpoint whose representation was clustered, from the stage's event."""
    from core.engine.artifacts import read_seal
    from core.events import Choice

    sealed = read_seal(folder.artifacts("cluster"))
    for event in sealed.events if sealed else ():
        if isinstance(event, Choice):
            return float(event.candidates[event.chosen]["epoch"])
    raise InputError(f"the clusters of run '{folder.record().name}' do not record their representation; cluster again")


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
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
