"""Stage `finetune`: train the network, or the subnetwork that the masks left, on the balanced set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config import Compute, Finetune, Model, Select
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.pruning.subnetwork import FixedMasks
from core.stages.cluster import BALANCED
from core.stages.erm import MODEL, load_network
from core.stages.predict import evaluate_for_good
from core.stages.prune import MASKS
from core.tensors import load_tensors, save_tensors
from core.training.images import Images, training_images
from core.training.learner import WeightLearner
from core.training.loop import run_loop
from core.training.order import Order


@dataclass(frozen=True)
class FinetuneNetwork:
    """Fine-tune the network of an earlier stage; its masks, if it has any, stay as they are.

    Artifacts: `model.safetensors`, `masks.safetensors` where there are masks, `predictions-*.safetensors`.

    Attributes:
        source: stage whose network is fine-tuned, `prune` or `erm`.
    """

    finetune: Finetune
    model: Model
    select: Select
    source: str
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "finetune"
    version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:  # noqa: D102
        return (self.source, "balance") if self.finetune.data == "balanced" else (self.source,)

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        data, source = context.data, context.input(self.source)
        network = load_network(self.model, data, source / MODEL, context.device)
        masks = FixedMasks.load(source / MASKS) if (source / MASKS).exists() else None
        test = Images(data, "test", context.device)
        if self.finetune.data == "balanced":
            images, validation = training_images(context), Images(data, "validation", context.device)
            entries = load_tensors(context.input("balance") / BALANCED)
        else:
            images = validation = training_images(context, "validation")  # evaluation walks it as it is
            entries = {"indices": torch.arange(len(validation)), "weights": torch.ones(len(validation))}
        learner = _Learner(context, network, masks, self.finetune, self.compute, images, entries, validation)
        per_epoch = len(entries["indices"]) / learner.batch_size
        selection = run_loop(context, learner, steps=self.finetune.steps, per_epoch=per_epoch, select=self.select)
        network.load_state_dict(selection.network)
        save_tensors(context.directory / MODEL, network.state_dict())
        if masks is not None:
            masks.to("cpu").save(context.directory / MASKS)
        evaluations = evaluate_for_good(
            context, network.eval(), selection.step, {"validation": validation, "test": test}
        )
        keep_ratio = None if masks is None else masks.keep_ratio()
        return StageResult(evaluations, keep_ratio, selection.report())


class _Learner(WeightLearner):
    setting = "finetune.batch_size"

    def __init__(
        self,
        context: StageContext,
        network: nn.Module,
        masks: FixedMasks | None,
        settings: Finetune,
        compute: Compute,
        images: Images,
        entries: Mapping[str, Tensor],
        validation: Images,
    ) -> None:
        self.batch_size = min(settings.batch_size, len(entries["indices"]))
        optimizer = torch.optim.Adam(
            network.parameters(),
            settings.lr,
            weight_decay=settings.weight_decay,
            fused=True if compute.precision == "fp16" else None,
        )
        order = Order(len(entries["indices"]), self.batch_size, context.generator("order"))
        super().__init__(context, network, settings, compute, settings.steps, optimizer, order, images, validation)
        self._masks = None if masks is None else masks.to(context.device)
        self._rows = entries["indices"]
        self._labels = images.labels[self._rows.to(context.device)]
        self._weights = entries["weights"].to(context.device)

    def rows(self, drawn: Tensor) -> Tensor:
        return self._rows[drawn]

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        losses = F.cross_entropy(logits, self._labels[drawn], reduction="none")
        return (losses * self._weights[drawn]).mean()

    def after_step(self) -> None:
        if self._masks is not None:
            self._masks.apply_(self._network)
