"""Stage `cluster`: cluster the representation, and choose checkpoint and number of clusters."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.artifacts import CLUSTER_FILES, CLUSTERS, PCA_MAP, features_file, represented
from core.config import Cluster
from core.engine.stage import Stage
from core.events import Choice, Clustered, StageStarted

if TYPE_CHECKING:
    from torch import Tensor

    from core.clustering.kmeans import Floats, Integers
    from core.engine.context import StageContext


@dataclass(frozen=True)
class FindClusters(Stage):
    """Cluster the representation on the unit sphere; map and sample images are made after the choice."""

    cluster: Cluster
    name: ClassVar[str] = "cluster"
    version: ClassVar[int] = 3
    files: ClassVar[Mapping[str, str]] = CLUSTER_FILES
    replaced_by: ClassVar[str] = "cluster.file"

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("represent",)

    def run(self, context: "StageContext") -> None:
        import torch

        from core.clustering.choice import Candidate, choose
        from core.clustering.composition import composition, minority_size, skew
        from core.tensors import load_tensors

        settings = self.cluster
        labels = context.data.splits["train"].labels
        n_classes = len(context.data.label_names)
        parts = n_classes if settings.per_class else 1
        files = represented(context.input("represent"))
        ks = settings.candidates if settings.k == "auto" else (settings.k,)
        ks = tuple(k for k in ks if k <= len(labels)) or ks[:1]
        tries = [(epoch, file, k) for epoch, file in files.items() for k in ks]
        saved = context.resume_state() or {"candidates": [], "assignments": []}
        candidates: list[dict[str, Any]] = saved["candidates"]
        assignments: list[Tensor] = saved["assignments"]
        context.emit(StageStarted(context.stage, len(tries), len(candidates)))
        features: dict[Path, Floats] = {}
        for epoch, file, k in tries[len(candidates) :]:
            context.at_boundary(lambda: {"candidates": candidates, "assignments": assignments})
            if file not in features:
                features = {file: load_tensors(file)["features"].numpy()}
            found = self._cluster(context, features[file], labels, n_classes, k)
            table = composition(found, labels, k * parts, n_classes)
            candidates.append(
                {
                    "epoch": epoch,
                    "k": k,
                    "size": minority_size(table, per_class=settings.per_class),
                    "skew": skew(table),
                }
            )
            assignments.append(torch.from_numpy(found))
            context.progress(len(candidates), len(tries))
        choice = choose([Candidate(**c) for c in candidates], settings.min_skew)
        context.emit(Choice(context.stage, candidates, choice.index, choice.reason))
        chosen = assignments[choice.index]
        table = composition(chosen.numpy(), labels, candidates[choice.index]["k"] * parts, n_classes)
        epoch = candidates[choice.index]["epoch"]
        save_clusters(context, epoch, chosen.numpy(), table)

    def _cluster(
        self, context: "StageContext", features: "Floats", labels: "Integers", n_classes: int, k: int
    ) -> "Integers":
        from core.clustering.kmeans import kmeans_per_class, random_clusters, spherical_kmeans

        settings, seed = self.cluster, context.streams.seed("clusters")
        if settings.method == "random":
            return random_clusters(len(labels), k, seed=seed)
        options: Mapping[str, int] = {"restarts": settings.restarts, "max_iterations": settings.max_iterations}
        if settings.per_class:
            return kmeans_per_class(features, labels, n_classes, k, seed=seed, **options).assignments
        return spherical_kmeans(features, k, seed=seed, **options).assignments


def save_clusters(context: "StageContext", epoch: float, clusters: "Integers", table: "Integers") -> None:
    """Save clusters with their composition, map and sample images; attributes are only counted, and only here.

    Args:
        context: of stage `cluster`.
        epoch: epoch of the checkpoint for the map.
        clusters: of every training image, [n].
        table: samples of each class in each cluster, [k, classes].
    """
    import numpy as np
    import torch

    from core.clustering.composition import composition
    from core.explore.map import paint, pca_map, write_map
    from core.explore.samples import write_samples
    from core.tensors import load_tensors, save_tensors

    data = context.data
    saved = {"assignments": clusters, "table": table, "epoch": np.array(epoch)}
    save_tensors(context.directory / CLUSTERS, {name: torch.from_numpy(array) for name, array in saved.items()})
    tensors = load_tensors(features_file(context.input("represent"), epoch))
    # Representations reused from a run of an older version have no predictions.
    painted = paint(data, clusters, tensors["classes"].numpy() if "classes" in tensors else None)
    names = list(painted.group_names)
    counts = [] if painted.groups is None else composition(clusters, painted.groups, len(table), len(names)).tolist()
    context.emit(Clustered(context.stage, list(data.label_names), table.tolist(), names, counts))
    value = pca_map(tensors["features"].numpy(), painted, epoch, context.streams.seed("map"))
    write_map(context.directory / PCA_MAP, value)
    write_samples(context.directory, data.splits["train"].images, painted, context.streams.seed("samples"))
