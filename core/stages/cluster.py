"""Finder `clusters`: cluster the representation, and choose checkpoint and number of clusters."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.artifacts import FINDER_FILES, features_file, represented
from core.config import Cluster
from core.engine.stage import Stage
from core.events import Choice, StageStarted, Warned

if TYPE_CHECKING:
    from torch import Tensor

    from core.clustering.kmeans import Clusters, Floats, Integers
    from core.engine.context import StageContext


@dataclass(frozen=True)
class FindClusters(Stage):
    """Cluster the representation on the unit sphere; each cluster is a pseudo-group."""

    cluster: Cluster
    name: ClassVar[str] = "cluster"
    version: ClassVar[int] = 4
    files: ClassVar[Mapping[str, str]] = FINDER_FILES

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
        saved = context.resume_state() or {"candidates": [], "assignments": [], "centres": []}
        candidates: list[dict[str, Any]] = saved["candidates"]
        assignments: list[Tensor] = saved["assignments"]
        centres: list[Tensor] = saved["centres"]
        context.emit(StageStarted(context.stage, len(tries), len(candidates)))
        features: dict[Path, Floats] = {}
        for epoch, file, k in tries[len(candidates) :]:
            context.at_boundary(lambda: {"candidates": candidates, "assignments": assignments, "centres": centres})
            if file not in features:
                features = {file: load_tensors(file)["features"].numpy()}
            found = self._cluster(context, features[file], labels, n_classes, k)
            table = composition(found.assignments, labels, k * parts, n_classes)
            candidates.append(
                {
                    "epoch": epoch,
                    "k": k,
                    "size": minority_size(table, per_class=settings.per_class),
                    "skew": skew(table),
                }
            )
            assignments.append(torch.from_numpy(found.assignments))
            centres.append(torch.from_numpy(found.centres))
            context.progress(len(candidates), len(tries))
        choice = choose([Candidate(**c) for c in candidates], settings.min_skew)
        context.emit(Choice(context.stage, candidates, choice.index, choice.reason))
        best = candidates[choice.index]
        self._save(context, best, assignments[choice.index].numpy(), centres[choice.index].numpy())

    def _cluster(
        self, context: "StageContext", features: "Floats", labels: "Integers", n_classes: int, k: int
    ) -> "Clusters":
        from core.clustering.kmeans import kmeans_per_class, spherical_kmeans

        settings, seed = self.cluster, context.streams.seed("clusters")
        options: Mapping[str, int] = {"restarts": settings.restarts, "max_iterations": settings.max_iterations}
        if settings.per_class:
            return kmeans_per_class(features, labels, n_classes, k, seed=seed, **options)
        return spherical_kmeans(features, k, seed=seed, **options)

    def _save(self, context: "StageContext", best: Mapping[str, Any], clusters: "Integers", centres: "Floats") -> None:
        """Save the chosen clusters as pseudo-groups, with warnings; validation images go to the nearest centre."""
        from core.clustering.composition import cluster_warnings
        from core.clustering.kmeans import nearest
        from core.finding.pseudo_groups import PseudoGroups, conflict_samples
        from core.invariance.makeup import reference_warning
        from core.tensors import load_tensors

        settings, data = self.cluster, context.data
        labels, n_classes = data.splits["train"].labels, len(data.label_names)
        tensors = load_tensors(features_file(context.input("represent"), best["epoch"]))
        # Missing in runs of earlier versions; of no use per class, where the nearest centre depends on the label.
        held_out = tensors.get("validation")
        found = PseudoGroups(
            source=f"clusters, k = {best['k']} at epoch {best['epoch']:g}",
            names=tuple(f"cluster {number}" for number in range(len(centres))),
            train=clusters,
            conflicts=conflict_samples(clusters, labels, len(centres), n_classes, relative=settings.relative),
            validation=None if held_out is None or settings.per_class else nearest(held_out.numpy(), centres),
            per_class=settings.per_class,
            epoch=best["epoch"],
        )
        found.save(context.directory)
        fits = float((tensors["classes"].numpy() == labels).mean())
        warnings = cluster_warnings(
            found.table(labels, n_classes),
            labels=data.label_names,
            min_skew=settings.min_skew,
            per_class=settings.per_class,
        )
        for finding in (*filter(None, [reference_warning(fits)]), *warnings):
            context.emit(Warned(context.stage, finding.code, finding.text))
