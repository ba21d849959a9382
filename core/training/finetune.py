"""Stage `finetune`: train the network, or the subnetwork that the masks left, on the balanced set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.clustering.stages import BALANCED
from core.config import Finetune, Model, Select
from core.data.dataset import DataSet
from core.engine.checkpoints import load_tensors, save_tensors
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.evaluation.predict import count_groups, evaluate_for_good, predict
from core.groups import Evaluation
from core.pruning.stage import MASKS
from core.pruning.subnetwork import FixedMasks
from core.training.erm import MODEL, load_network
from core.training.images import Images
from core.training.loop import run_loop
from core.training.optimizers import scheduled_lr, set_lr
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
    name: ClassVar[str] = "finetune"
    version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:  # noqa: D102
        return (self.source, "balance") if self.finetune.data == "balanced" else (self.source,)

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        data, source = context.data, context.input(self.source)
        network = load_network(self.model, data, source / MODEL, context.device)
        masks = FixedMasks.load(source / MASKS) if (source / MASKS).exists() else None
        validation, test = (Images(data, split, context.device) for split in ("validation", "test"))
        if self.finetune.data == "balanced":
            images = Images(data, "train", context.device)
            entries = load_tensors(context.input("balance") / BALANCED)
        else:
            images = validation
            entries = {"indices": torch.arange(len(validation)), "weights": torch.ones(len(validation))}
        learner = _Learner(context, data, network, masks, self.finetune, images, entries, validation)
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


class _Learner:
    def __init__(
        self,
        context: StageContext,
        data: DataSet,
        network: nn.Module,
        masks: FixedMasks | None,
        settings: Finetune,
        images: Images,
        entries: Mapping[str, Tensor],
        validation: Images,
    ) -> None:
        self._data = data
        self._network = network
        self._settings = settings
        self._step = 0
        self._masks = None if masks is None else masks.to(context.device)
        self._images = images
        self._indices = entries["indices"].to(context.device)
        self._weights = entries["weights"].to(context.device)
        self._validation = validation
        self._optimizer = torch.optim.Adam(network.parameters(), settings.lr, weight_decay=settings.weight_decay)
        self.batch_size = min(settings.batch_size, len(self._indices))
        self._order = Order(len(self._indices), self.batch_size, context.generator("order"))

    def step(self) -> Mapping[str, Tensor]:
        set_lr(self._optimizer, scheduled_lr(self._settings, self._step, self._settings.steps))
        self._network.train()
        entries = self._order.next().to(self._indices.device)
        rows = self._indices[entries]
        losses = F.cross_entropy(self._network(self._images.pixels(rows)), self._images.labels[rows], reduction="none")
        loss = (losses * self._weights[entries]).mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        if self._masks is not None:
            self._masks.apply_(self._network)
        self._step += 1
        return {"loss": loss.detach()}

    def look(self) -> Evaluation:
        self._network.eval()
        predictions = predict(self._network, self._validation)
        return count_groups(predictions.classes, self._validation, self._data, "validation")

    def network(self) -> Mapping[str, Tensor]:
        return self._network.state_dict()

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "order": self._order.state_dict(),
            "step": self._step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._order.load_state_dict(state["order"])
        self._step = state["step"]
