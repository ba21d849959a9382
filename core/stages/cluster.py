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
    from core.clustering.kmeans import Clusters, Floats, Integers
    from core.engine.context import StageContext
    from core.finding.pseudo_groups import PseudoGroups

Tried = dict[str, list[Any]]
"""By candidate: `candidates` (what is known of each), `assignments` [n], `centres` [k, d]; the state of the stage."""


@dataclass(frozen=True)
class FindClusters(Stage):
    """Cluster the representation on the unit sphere; each cluster is a pseudo-group."""

    cluster: Cluster
    name: ClassVar[str] = "cluster"
    version: ClassVar[int] = 5
    files: ClassVar[Mapping[str, str]] = FINDER_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("represent",)

    def run(self, context: "StageContext") -> None:
        import numpy as np
        import torch

        from core.clustering.choice import Candidate, choose
        from core.clustering.composition import composition, minority_size, skew
        from core.pace import Pace
        from core.tensors import load_tensors

        settings = self.cluster
        labels = context.data.splits["train"].labels
        n_classes = len(context.data.label_names)
        parts = n_classes if settings.per_class else 1
        files = represented(context.input("represent"))
        ks = settings.candidates if settings.k == "auto" else (settings.k,)
        most = np.bincount(labels, minlength=n_classes).min() if settings.per_class else len(labels)
        ks = tuple(k for k in ks if k <= most) or ks[:1]
        tries = [(epoch, file, k) for epoch, file in files.items() for k in ks]
        tried: Tried = context.resume_state() or {"candidates": [], "assignments": [], "centres": []}
        candidates = tried["candidates"]
        context.emit(StageStarted(context.stage, len(tries), len(candidates)))
        features: dict[Path, Floats] = {}
        pace, whole = Pace(), sum(k for _, _, k in tries)  # a clustering takes about as long as it has clusters
        pace.reach(sum(c["k"] for c in candidates))
        for epoch, file, k in tries[len(candidates) :]:
            context.at_boundary(lambda: tried)
            if file not in features:
                features = {file: load_tensors(file)["features"].numpy()}
            found = self._cluster(context, features[file], labels, n_classes, k)
            table = composition(found.assignments, labels, k * parts, n_classes)
            size = minority_size(table, per_class=settings.per_class)
            candidates.append({"epoch": epoch, "k": k, "size": size, "skew": skew(table)})
            tried["assignments"].append(torch.from_numpy(found.assignments))
            tried["centres"].append(torch.from_numpy(found.centres))
            pace.reach(sum(c["k"] for c in candidates))
            context.progress(len(candidates), len(tries), pace.left(whole))
        clear = [i for i, c in enumerate(candidates) if c["size"] and c["skew"] >= settings.min_skew]
        if settings.choose_by == "worst-cell" and len(clear) > 1 and not settings.per_class:
            self._probe(context, tried, clear)
        choice = choose([Candidate(**c) for c in candidates], settings.min_skew)
        context.emit(Choice(context.stage, candidates, choice.index, choice.reason))
        groups = self._groups(context, tried, choice.index)
        groups.save(context.directory)
        self._warn(context, groups)

    def _cluster(
        self, context: "StageContext", features: "Floats", labels: "Integers", n_classes: int, k: int
    ) -> "Clusters":
        from core.clustering.kmeans import kmeans_per_class, spherical_kmeans

        settings, seed = self.cluster, context.streams.seed("clusters")
        options: Mapping[str, int] = {"restarts": settings.restarts, "max_iterations": settings.max_iterations}
        if settings.per_class:
            return kmeans_per_class(features, labels, n_classes, k, seed=seed, **options)
        return spherical_kmeans(features, k, seed=seed, **options)

    def _groups(self, context: "StageContext", tried: "Tried", number: int) -> "PseudoGroups":
        """Pseudo-groups of a candidate; validation images go to the nearest centre."""
        from core.clustering.kmeans import nearest
        from core.finding.pseudo_groups import PseudoGroups, conflict_samples
        from core.tensors import load_tensors

        settings, data = self.cluster, context.data
        candidate, clusters, centres = (tried[of][number] for of in ("candidates", "assignments", "centres"))
        # Missing in runs of earlier versions; of no use per class, where the nearest centre depends on the label.
        held_out = load_tensors(features_file(context.input("represent"), candidate["epoch"])).get("validation")
        return PseudoGroups(
            source=f"clusters, k = {candidate['k']} at epoch {candidate['epoch']:g}",
            names=tuple(f"cluster {cluster}" for cluster in range(len(centres))),
            train=clusters.numpy(),
            conflicts=conflict_samples(
                clusters.numpy(),
                data.splits["train"].labels,
                len(centres),
                len(data.label_names),
                relative=settings.relative,
            ),
            validation=None if held_out is None or settings.per_class else nearest(held_out.numpy(), centres.numpy()),
            per_class=settings.per_class,
            epoch=candidate["epoch"],
        )

    def _probe(self, context: "StageContext", tried: "Tried", candidates: list[int]) -> None:
        """Add the worst cell that a head reaches on the balanced set of each of some candidates."""
        from core.finding.quality import Features, Probe
        from core.tensors import load_tensors

        last = load_tensors(list(represented(context.input("represent")).values())[-1])
        if "validation" not in last:
            return
        data, held_out = context.data, context.data.splits["validation"].labels
        features = Features(
            last["features"].numpy(),
            last["validation"].numpy(),
            data.splits["train"].labels,
            held_out,
            held_out,  # what the network itself predicts does not matter for the choice
            len(data.label_names),
        )
        groups = {i: self._groups(context, tried, i) for i in candidates}
        probe = Probe(list(groups.values()), features, context.streams.seed("probe"))
        for i, of in groups.items():
            if "probed" not in tried["candidates"][i]:
                context.at_boundary(lambda: tried)
                tried["candidates"][i]["probed"] = probe(of).probed

    def _warn(self, context: "StageContext", found: "PseudoGroups") -> None:
        from core.clustering.composition import cluster_warnings
        from core.invariance.makeup import reference_warning
        from core.tensors import load_tensors

        data, labels = context.data, context.data.splits["train"].labels
        classes = load_tensors(features_file(context.input("represent"), found.epoch))["classes"]
        fits = float((classes.numpy() == labels).mean())
        warnings = cluster_warnings(
            found.table(labels, len(data.label_names)),
            labels=data.label_names,
            min_skew=self.cluster.min_skew,
            per_class=self.cluster.per_class,
        )
        for finding in (*filter(None, [reference_warning(fits)]), *warnings):
            context.emit(Warned(context.stage, finding.code, finding.text))
