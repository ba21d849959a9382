"""Stage `erm`: train a network from scratch, by the mean loss or by an oracle that knows the groups."""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from core.config import Erm, Model, Select
from core.data.dataset import DataSet
from core.engine.checkpoints import load_tensors, save_tensors
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.evaluation.predict import evaluate_for_good
from core.models.networks import build
from core.training.images import Images
from core.training.learner import WeightLearner
from core.training.loop import run_loop
from core.training.objectives import GroupDroLoss, MeanLoss, Objective
from core.training.optimizers import make_optimizer
from core.training.order import Order

MODEL = "model.safetensors"
"""Name of the network's file among the artifacts of a stage."""


def new_network(model: Model, data: DataSet) -> nn.Module:
    """Build the network for a data set, its weights drawn from torch's global generator."""
    channels, height, width = data.splits["train"].images.shape[1:]
    network = build(model.name, len(data.label_names), channels, (height, width))
    return network.to(memory_format=torch.channels_last)


def load_network(model: Model, data: DataSet, file: Path, device: torch.device) -> nn.Module:
    """Build the network with the weights of a file, on `device`, in evaluation mode."""
    network = new_network(model, data)
    network.load_state_dict(load_tensors(file))
    return network.to(device).eval()


def kept_file(artifacts: Path, epoch: float) -> Path:
    """Where the checkpoint after `epoch` passes lies among the artifacts of `erm`."""
    return artifacts / f"epoch-{epoch:g}.safetensors"


@dataclass(frozen=True)
class TrainErm:
    """Train the network and keep early checkpoints.

    Artifacts: `model.safetensors`, `epoch-*.safetensors`, `predictions-*.safetensors`.
    """

    erm: Erm
    model: Model
    select: Select
    name: ClassVar[str] = "erm"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        data = context.data
        train, validation, test = (Images(data, split, context.device) for split in ("train", "validation", "test"))
        network = new_network(self.model, data).to(context.device)
        per_epoch = len(train) / self.erm.batch_size
        steps = max(1, round(self.erm.epochs * per_epoch))
        learner = _Learner(context, network, self.erm, steps, train, validation)
        keep: dict[int, list[float]] = defaultdict(list)  # with large batches two epochs may end at one step
        for epoch in self.erm.keep_epochs:
            if epoch <= self.erm.epochs:
                keep[max(1, round(epoch * per_epoch))].append(epoch)
        after = {step: partial(_keep, context, network, epochs) for step, epochs in keep.items()}
        selection = run_loop(context, learner, steps=steps, per_epoch=per_epoch, select=self.select, after=after)
        network.load_state_dict(selection.network)
        save_tensors(context.directory / MODEL, network.state_dict())
        network.eval()
        evaluations = evaluate_for_good(context, network, selection.step, {"validation": validation, "test": test})
        return StageResult(evaluations, selection=selection.report())


def _keep(context: StageContext, network: nn.Module, epochs: list[float]) -> None:
    for epoch in epochs:
        save_tensors(kept_file(context.directory, epoch), network.state_dict())


class _Learner(WeightLearner):
    def __init__(
        self, context: StageContext, network: nn.Module, settings: Erm, steps: int, train: Images, validation: Images
    ) -> None:
        sizes = torch.bincount(train.groups)
        balanced = settings.objective != "erm"
        weights = (1 / sizes.clamp(min=1).double())[train.groups].cpu() if balanced else None
        order = Order(len(train), settings.batch_size, context.generator("order"), weights)
        super().__init__(
            context, network, settings, steps, make_optimizer(network.parameters(), settings), order, validation
        )
        self._train = train
        self._objective: Objective = (
            GroupDroLoss(len(sizes), settings.dro_step_size, context.device)
            if settings.objective == "group-dro"
            else MeanLoss()
        )

    def loss(self, drawn: Tensor) -> Tensor:
        rows = drawn.to(self._train.device)
        logits = self._network(self._train.pixels(rows))
        return self._objective(logits, self._train.labels[rows], self._train.groups[rows])

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "objective": self._objective.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._objective.load_state_dict(state["objective"])
