"""Stages `represent`, `cluster` and `balance`: from a trained network to the balanced set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core.clustering.balance import balanced_set
from core.clustering.choice import Candidate, choose
from core.clustering.composition import Alarm, alarms, composition, minority_size, skew
from core.clustering.kmeans import Floats, Integers, kmeans_per_class, random_clusters, spherical_kmeans
from core.config import Balance, Cluster, Compute, Erm, Model, Represent
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.errors import StageError
from core.events import Balanced, Choice, Clustered, StageStarted, Warned
from core.explore.map import PCA_MAP, paint, pca_map, write_map
from core.explore.samples import write_samples
from core.models.representation import Representation
from core.stages.erm import MODEL, kept_file, load_network
from core.tensors import load_tensors, save_tensors
from core.training.gradient import Outputs
from core.training.images import Images
from core.training.memory import Parts
from core.training.precision import Precision

CLUSTERS = "clusters.safetensors"
"""Artifact of `cluster`: `assignments` int64 [n], row i is training image i; `table` int64 [k, classes]; and `epoch`
float64 [], the age of the checkpoint that was clustered."""
BALANCED = "balanced.safetensors"
"""Artifact of `balance`: `indices` int64 [m] into the training split, `weights` float32 [m]."""


GIVEN = 0.0
"""Epoch of a network that was given, of whose training nothing is known."""


def features_file(artifacts: Path, epoch: float) -> Path:
    """Where the representation after `epoch` passes lies among the artifacts of `represent`."""
    return artifacts / f"features-{epoch:g}.safetensors"


@dataclass(frozen=True)
class ExtractRepresentation:
    """Extract the representation of the training images from one or several checkpoints of ERM.

    Artifacts: `features-<epoch>.safetensors`, one per checkpoint: `features` float32 [n, d], and `classes` int64 [n],
    what the network says of each training image.

    Attributes:
        erm: how the network was trained; None where it was given, and has but one checkpoint, of epoch 0.
    """

    represent: Represent
    erm: Erm | None
    model: Model
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "represent"
    version: ClassVar[int] = 2
    inputs: ClassVar[tuple[str, ...]] = ("erm",)

    def checkpoints(self) -> dict[float, str]:
        """Epoch → name of the file with the network's weights after it, among the artifacts of `erm`."""
        if self.erm is None:
            return {GIVEN: MODEL}
        kept = {epoch: kept_file(Path(), epoch).name for epoch in self.erm.keep_epochs if epoch <= self.erm.epochs}
        everything = {**kept, self.erm.epochs: MODEL}
        match self.represent.checkpoints:
            case "kept":
                wanted = list(everything)
            case "last":
                wanted = [self.erm.epochs]
            case named:
                wanted = list(named)
        return {epoch: everything[epoch] for epoch in sorted(wanted)}

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        images = Images(context.data, "train", context.device)
        checkpoints = list(self.checkpoints().items())
        per_pass = -(-len(images) // self.represent.batch_size)
        total = per_pass * len(checkpoints)
        saved = context.resume_state() or {"pass": 0, "features": [], "classes": []}
        context.emit(StageStarted(context.stage, total, saved["pass"] * per_pass + len(saved["features"])))
        features: list[Tensor] = saved["features"]
        classes: list[Tensor] = saved["classes"]
        precision = Precision(self.compute, context.device)
        parts = Parts(context, self.compute, "represent.batch_size")
        for number in range(saved["pass"], len(checkpoints)):
            epoch, file = checkpoints[number]
            network = load_network(self.model, context.data, context.input("erm") / file, context.device)
            representation = Representation(network)
            state = {"pass": number, "features": features, "classes": classes}
            begin = len(features) * self.represent.batch_size
            for rows, pixels in images.in_order(self.represent.batch_size, begin):
                context.at_boundary(lambda: state)  # noqa: B023  # called at once
                logits, vectors = _in_parts(representation, pixels, precision, parts)
                features.append(vectors.float().cpu())
                classes.append(logits.argmax(1).cpu())
                context.progress(number * per_pass + rows.start // self.represent.batch_size + 1, total)
            tensors = {"features": torch.cat(features), "classes": torch.cat(classes)}
            save_tensors(features_file(context.directory, epoch), tensors)
            features, classes = [], []
        return StageResult()


def _in_parts(network: Representation, pixels: Tensor, precision: Precision, parts: Parts) -> Outputs:
    def work() -> Outputs:
        with torch.no_grad(), precision.forward():
            pieces = [network(pixels[part]) for part in parts.of(slice(0, len(pixels)))]
        return tuple(torch.cat(outputs) for outputs in zip(*pieces, strict=True))

    return parts.attempt(len(pixels), work)


@dataclass(frozen=True)
class FindClusters:
    """Cluster the representation; choose checkpoint and number of clusters where there is a choice.

    Artifacts: `clusters.safetensors`; and to be looked at, made after the choice, `map-pca.json`, `samples.png` and
    `samples.json`.
    """

    cluster: Cluster
    name: ClassVar[str] = "cluster"
    version: ClassVar[int] = 3
    inputs: ClassVar[tuple[str, ...]] = ("represent",)

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
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
        hand_on(context, epoch, chosen.numpy(), table)
        return StageResult()

    def _cluster(self, context: StageContext, features: Floats, labels: Integers, n_classes: int, k: int) -> Integers:
        settings, seed = self.cluster, context.streams.seed("clusters")
        if settings.method == "random":
            return random_clusters(len(labels), k, seed=seed)
        options: Mapping[str, int] = {"restarts": settings.restarts, "max_iterations": settings.max_iterations}
        if settings.per_class:
            return kmeans_per_class(features, labels, n_classes, k, seed=seed, **options).assignments
        return spherical_kmeans(features, k, seed=seed, **options).assignments


def hand_on(context: StageContext, epoch: float, clusters: Integers, table: Integers) -> None:
    """Save clusters, say what they are made of and draw it; the attributes are only looked at, and only here.

    Args:
        context: of stage `cluster`.
        epoch: age of the checkpoint whose representation the map shows.
        clusters: of every training image, [n].
        table: samples of each class in each cluster, [k, classes].
    """
    data = context.data
    saved = {"assignments": clusters, "table": table, "epoch": np.array(epoch)}
    save_tensors(context.directory / CLUSTERS, {name: torch.from_numpy(array) for name, array in saved.items()})
    tensors = load_tensors(features_file(context.input("represent"), epoch))
    # Representations taken over from a run of an older version come without predictions.
    painted = paint(data, clusters, tensors["classes"].numpy() if "classes" in tensors else None)
    names = list(painted.group_names)
    counts = [] if painted.groups is None else composition(clusters, painted.groups, len(table), len(names)).tolist()
    context.emit(Clustered(context.stage, list(data.label_names), table.tolist(), names, counts))
    value = pca_map(tensors["features"].numpy(), painted, epoch, context.streams.seed("map"))
    write_map(context.directory / PCA_MAP, value)
    write_samples(context.directory, data.splits["train"].images, painted, context.streams.seed("samples"))


def represented(folder: Path) -> dict[float, Path]:
    """Epoch → file with the representation after it, among the artifacts of `represent`, in rising order."""
    files = {float(file.stem.partition("-")[2]): file for file in folder.glob("features-*.safetensors")}
    return dict(sorted(files.items()))


@dataclass(frozen=True)
class DrawBalancedSet:
    """Draw the class-balanced set from the clusters, and raise the alarms that need no attributes.

    Artifact: `balanced.safetensors`.
    """

    balance: Balance
    cluster: Cluster
    name: ClassVar[str] = "balance"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("cluster",)

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        context.emit(StageStarted(context.stage, 1))
        saved = load_tensors(context.input("cluster") / CLUSTERS)
        table = saved["table"].numpy()
        k, n_classes = table.shape
        drawn = balanced_set(
            saved["assignments"].numpy(),
            context.data.splits["train"].labels,
            k,
            n_classes,
            rule=self.balance.rule,
            cap=self.balance.cap,
            seed=context.streams.seed("balance"),
            per_class=self.cluster.per_class,
        )
        context.emit(Balanced(context.stage, self.balance.rule, len(drawn.indices), drawn.table.tolist()))
        found = alarms(
            table,
            drawn.table,
            labels=context.data.label_names,
            min_skew=self.cluster.min_skew if self.cluster.method == "kmeans" else 0.0,
            warn_below=self.balance.warn_below,
            per_class=self.cluster.per_class,
        )
        self._report(context, found)
        save_tensors(
            context.directory / BALANCED,
            {"indices": torch.from_numpy(drawn.indices), "weights": torch.from_numpy(drawn.weights)},
        )
        context.progress(1, 1)
        return StageResult()

    @staticmethod
    def _report(context: StageContext, found: list[Alarm]) -> None:
        for alarm in found:
            context.emit(Warned(context.stage, alarm.code, alarm.text))
        if any(alarm.code == "empty-balanced-set" for alarm in found):
            raise StageError(
                "the balanced set is empty: no cluster has samples of every class",
                "try fewer clusters (cluster.k) or an earlier checkpoint (represent.checkpoints)",
            )
