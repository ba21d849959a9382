"""Stage `represent`: the representation of training and validation images, from one or several checkpoints of ERM."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import MODEL, features_file, kept_file
from core.config import Compute, Erm, Model, Represent
from core.engine.stage import Stage
from core.events import StageStarted

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.context import StageContext

GIVEN = 0.0
"""Epoch of a given network, whose training is unknown."""


@dataclass(frozen=True)
class ExtractRepresentation(Stage):
    """Extract the representation of the training and validation images.

    A file has `features` float32 [n, d] and `classes` int64 [n], the predicted class of each training image, and
    `validation` float32 [m, d].

    Attributes:
        erm: settings of the training; None for a given network, which has only one checkpoint, of epoch 0.
    """

    represent: Represent
    erm: Erm | None
    model: Model
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "represent"
    parallel: ClassVar[bool] = True
    version: ClassVar[int] = 3
    files: ClassVar[Mapping[str, str]] = {r"features-(.+)\.safetensors": "representation after epoch {1}"}

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm",)

    @property
    def reads(self) -> tuple[str, ...]:
        if self.erm is None:
            return ("represent.batch_size", "model.name", "compute")
        return ("represent", "erm", "model.name", "compute")

    def checkpoints(self) -> dict[float, str]:
        """Epoch → name of the file of the weights, among the artifacts of `erm`."""
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

    def run(self, context: "StageContext") -> None:
        import torch

        from core.models.representation import Representation
        from core.tensors import save_tensors
        from core.training.images import Images
        from core.training.memory import Parts
        from core.training.network import load_network
        from core.training.precision import Precision

        size = self.represent.batch_size
        splits = [Images(context.data, split, context.device) for split in ("train", "validation")]
        checkpoints = list(self.checkpoints().items())
        batches = [-(-len(images) // size) for images in splits]
        total = sum(batches) * len(checkpoints)
        saved = context.resume_state() or {"pass": 0, "features": [], "classes": []}
        context.emit(StageStarted(context.stage, total, saved["pass"] * sum(batches) + len(saved["features"])))
        features: list[Tensor] = saved["features"]
        classes: list[Tensor] = saved["classes"]
        precision = Precision(self.compute, context.device)
        parts = Parts(context, self.compute, "represent.batch_size")
        for number in range(saved["pass"], len(checkpoints)):
            epoch, file = checkpoints[number]
            network = load_network(self.model, context.data, context.input("erm") / file, context.device)
            representation = Representation(network)
            state = {"pass": number, "features": features, "classes": classes}
            for images, before in zip(splits, (0, batches[0]), strict=True):
                for rows, pixels in images.in_order(size, max(0, len(features) - before) * size):
                    context.at_boundary(lambda: state)  # noqa: B023  # called at once
                    logits, vectors = parts.forward(representation, pixels, precision, rows)
                    features.append(vectors.float().cpu())
                    classes.append(logits.argmax(1).cpu())
                    context.progress(number * sum(batches) + len(features), total)
            train, held_out = features[: batches[0]], features[batches[0] :]
            tensors = {"features": train, "classes": classes[: batches[0]], "validation": held_out}
            save_tensors(
                features_file(context.directory, epoch),
                {name: torch.cat(parts_) for name, parts_ in tensors.items()},
                {"precision": self.compute.precision},
            )
            features, classes = [], []
