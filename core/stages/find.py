"""Stage `find`: take the pseudo-groups of a finder, or those of the best of several, and judge them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import FOUND_FILES, MAPPED, MODEL, PCA_MAP, features_file, predictions_file
from core.config import Compute, Find, Model
from core.engine.stage import Stage
from core.errors import StageError
from core.events import PseudoGroupsFound, StageStarted, Warned

if TYPE_CHECKING:
    from torch import Tensor, nn

    from core.clustering.kmeans import Floats, Integers
    from core.engine.context import StageContext
    from core.finding.pseudo_groups import PseudoGroups
    from core.finding.quality import Features, Quality


@dataclass(frozen=True)
class FindPseudoGroups(Stage):
    """Take the pseudo-groups of the only finder, or choose a finder by a probe that needs no group labels.

    The representation of ERM's network is that of stage `represent`, if it has extracted it; otherwise the network sees
    all training and validation images once. It is for the probe, the map and the sample images.

    Attributes:
        sources: stages of the finders.
        represented: whether stage `represent` comes before, whose representation is then mapped.
    """

    find: Find
    model: Model
    sources: tuple[str, ...]
    represented: bool = False
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "find"
    version: ClassVar[int] = 2
    files: ClassVar[Mapping[str, str]] = {
        **FOUND_FILES,
        r"predictions-train\.safetensors": "classes and probabilities of ERM, training split",
    }

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", *(("represent",) if self.represented else ()), *self.sources)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("find.by", "find.problems", "model.name", "compute")

    def run(self, context: "StageContext") -> None:
        import numpy as np

        from core.finding.pseudo_groups import PseudoGroups
        from core.finding.quality import assess, best
        from core.tensors import save_tensors

        candidates = [PseudoGroups.load(context.input(source)) for source in self.sources]
        features, classes, probabilities = self._network(context)
        qualities = assess(candidates, features, context.streams.seed("probe"))
        chosen = best(qualities)
        found, quality = candidates[chosen], qualities[chosen]
        found.save(context.directory)
        save_tensors(predictions_file(context.directory, "train"), {"classes": classes, "probabilities": probabilities})
        self._report(context, candidates, qualities, chosen)
        self._draw(context, found, features, classes.numpy(), probabilities.numpy())
        self._warn(context, found, quality)
        if len(np.unique(found.train[found.used])) < 2:
            raise StageError(
                f"the finder ({found.source}) put all samples into one pseudo-group", "try another finder (find.by)"
            )

    def _network(self, context: "StageContext") -> "tuple[Features, Tensor, Tensor]":
        """Representation and predictions of the network of ERM."""
        from core.finding.quality import Features
        from core.training.head import final_features
        from core.training.network import load_network

        network = load_network(self.model, context.data, context.input("erm") / MODEL, context.device)
        cached = final_features(context) if self.represented else None
        vectors, logits = self._passed(context, network) if cached is None else self._read(context, network, cached)
        top = logits.softmax(1).max(1)
        of = {name: split.labels for name, split in context.data.splits.items()}
        n = len(of["train"])
        return (
            Features(
                vectors[:n].numpy(),
                vectors[n:].numpy(),
                of["train"],
                of["validation"],
                top.indices[n:].numpy(),
                len(context.data.label_names),
            ),
            top.indices[:n],
            top.values[:n],
        )

    def _read(
        self, context: "StageContext", network: "nn.Module", cached: "Mapping[str, Tensor]"
    ) -> "tuple[Tensor, Tensor]":
        """Cached representation [n + m, d], and logits [n + m, classes] by the head alone."""
        import torch

        from core.training.head import run_head
        from core.training.precision import Precision
        from core.training.predict import BATCH

        vectors = [part for name in ("features", "validation") for part in cached[name].split(BATCH)]
        total = sum(map(len, vectors))
        context.emit(StageStarted(context.stage, total))
        with Precision(self.compute, context.device).forward():
            logits = run_head(network, vectors, context.device).float().cpu()
        context.progress(total, total)
        return torch.cat(vectors), logits

    def _passed(self, context: "StageContext", network: "nn.Module") -> "tuple[Tensor, Tensor]":
        """Representation [n + m, d] and logits [n + m, classes] of all training and validation images."""
        import torch

        from core.models.representation import Representation
        from core.training.images import Images
        from core.training.memory import Parts
        from core.training.precision import Precision
        from core.training.predict import batch_size

        representation, precision = Representation(network), Precision(self.compute, context.device)
        parts = Parts(context, self.compute, "find.by")
        splits = {name: Images(context.data, name, context.device) for name in ("train", "validation")}
        total = sum(len(images) for images in splits.values())
        saved = context.resume_state() or {"features": [], "logits": []}
        features: list[Tensor] = saved["features"]
        logits: list[Tensor] = saved["logits"]
        done = sum(map(len, logits))
        context.emit(StageStarted(context.stage, total, done))
        start = 0
        for images in splits.values():
            for rows, pixels in images.in_order(batch_size(images), max(0, min(done - start, len(images)))):
                context.at_boundary(lambda: {"features": features, "logits": logits})
                outputs, vectors = parts.forward(representation, pixels, precision, rows)
                features.append(vectors.float().cpu())
                logits.append(outputs.float().cpu())
                context.progress(sum(map(len, logits)), total)
            start += len(images)
        return torch.cat(features), torch.cat(logits)

    def _warn(self, context: "StageContext", found: "PseudoGroups", quality: "Quality") -> None:
        """Warn if the pseudo-groups should not be trusted, or end the run if the settings say so."""
        from core.clustering.composition import one_class_warning
        from core.finding.quality import doubts

        labels, names = context.data.splits["train"].labels, context.data.label_names
        no_better = f" None of the {len(self.sources)} finders that were tried is better." * (len(self.sources) > 1)
        reasons = [
            (finding.code, finding.text + no_better) for finding in doubts(found, quality, len(labels), len(names))
        ]
        if not found.per_class and (finding := one_class_warning(found.table(labels, len(names)), found.names)):
            reasons.append((finding.code, finding.text))
        for code, text in reasons:
            context.emit(Warned(context.stage, code, text))
            if self.find.problems == "fail":
                raise StageError(text.removesuffix("."), "or continue anyway with find.problems=warn")

    def _report(
        self,
        context: "StageContext",
        candidates: "list[PseudoGroups]",
        qualities: "list[Quality]",
        chosen: int,
    ) -> None:
        """Emit the composition; attributes are counted only here, after the choice."""
        from core.clustering.composition import composition
        from core.data.dataset import groups
        from core.groups import group_names

        data, found = context.data, candidates[chosen]
        train = data.splits["train"]
        table = found.table(train.labels, len(data.label_names))
        names = group_names(data.label_names, data.attributes) if data.attributes else []
        used, of = found.used, groups(train, data)
        counts = composition(found.train[used], of[used], len(table), len(names)).tolist() if names else []
        conflicts = {"found": int(found.conflicts.sum())}
        if data.attributes:
            true = (train.attributes != train.labels[:, None]).any(axis=1)
            conflicts |= {"true": int(true.sum()), "hits": int((true & found.conflicts).sum())}
        tried = [
            {"stage": stage, "source": candidate.source, **_plain(quality)}
            for stage, candidate, quality in zip(self.sources, candidates, qualities, strict=True)
        ]
        reason = ""
        if len(candidates) > 1:
            best = qualities[chosen]
            reason = (
                f"{self.sources[chosen]} was chosen from {len(candidates)} finders: with the head refitted on its "
                f"balanced set, the cells of validation are the best on average ({best.probed_cells:.1%}, "
                f"{best.cells:.1%} before; no group labels used)"
            )
        context.emit(
            PseudoGroupsFound(
                context.stage,
                list(data.label_names),
                table.tolist(),
                names,
                counts,
                found.source,
                list(found.names),
                conflicts,
                _plain(qualities[chosen]),
                tried,
                reason,
            )
        )

    def _draw(
        self,
        context: "StageContext",
        found: "PseudoGroups",
        features: "Features",
        classes: "Integers",
        confidence: "Floats",
    ) -> None:
        """Write map, sample images and all conflict samples."""
        import math

        import torch

        from core.explore.map import paint, pca_map, write_map
        from core.explore.samples import Seen, write_conflicts, write_samples
        from core.tensors import load_tensors, save_tensors

        images = context.data.splits["train"].images
        rows, predicted, epoch = features.train, classes, float("nan")
        if self.represented and not math.isnan(found.epoch):
            tensors = load_tensors(features_file(context.input("represent"), found.epoch))
            rows, predicted, epoch = tensors["features"].numpy(), tensors["classes"].numpy(), found.epoch
        painted = paint(context.data, found.train, predicted)
        value = pca_map(rows, painted, epoch, context.streams.seed("map"))
        write_map(context.directory / PCA_MAP, value)
        save_tensors(context.directory / MAPPED, {"features": torch.from_numpy(rows[list(value.index)])})
        seen = Seen(found.conflicts, classes, confidence)
        write_samples(context.directory, images, painted, context.streams.seed("samples"), seen)
        if found.conflicts.any():
            write_conflicts(context.directory, images, painted, seen)


def _plain(quality: "Quality") -> dict[str, float | None]:
    """The numbers of a quality, unknown ones as None."""
    return {name: None if value != value else value for name, value in asdict(quality).items()}
