"""Stage `erm`: train a network, by the mean loss or by an oracle that knows the groups."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from core.config import Compute, Erm, Model, Select
from core.data.dataset import DataSet
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.events import Logged
from core.models.networks import build
from core.models.weights import start_from
from core.stages.predict import evaluate_for_good
from core.tensors import load_tensors, save_tensors
from core.training.images import Images, seen_shape, training_images
from core.training.learner import WeightLearner
from core.training.loop import run_loop
from core.training.objectives import GroupDroLoss, MeanLoss, Objective
from core.training.optimizers import make_optimizer
from core.training.order import Order

MODEL = "model.safetensors"
"""Name of the network's file among the artifacts of a stage."""


def new_network(model: Model, data: DataSet) -> nn.Module:
    """Build the network for a data set, its weights drawn from torch's global generator."""
    channels, height, width = seen_shape(data)
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

    Attributes:
        start: what names the weights that the network starts from (`core.models.weights.identity`).
    """

    erm: Erm
    model: Model
    select: Select
    start: str = ""
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "erm"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        data = context.data
        train = training_images(context)
        validation, test = (Images(data, split, context.device) for split in ("validation", "test"))
        network = new_network(self.model, data)
        if not context.resumes:
            start_from(network, self.model, lambda line: context.emit(Logged(line)))
        network.to(context.device)
        per_epoch = len(train) / self.erm.batch_size
        steps = max(1, round(self.erm.epochs * per_epoch))
        learner = _Learner(context, network, self.erm, self.compute, steps, train, validation)
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
    setting = "erm.batch_size"

    def __init__(
        self,
        context: StageContext,
        network: nn.Module,
        settings: Erm,
        compute: Compute,
        steps: int,
        train: Images,
        validation: Images,
    ) -> None:
        sizes = torch.bincount(train.groups)
        balanced = settings.objective != "erm"
        weights = (1 / sizes.clamp(min=1).double())[train.groups].cpu() if balanced else None
        order = Order(len(train), settings.batch_size, context.generator("order"), weights)
        optimizer = make_optimizer(network.parameters(), settings, fused=compute.precision == "fp16")
        super().__init__(context, network, settings, compute, steps, optimizer, order, train, validation)
        self._objective: Objective = (
            GroupDroLoss(len(sizes), settings.dro_step_size, context.device)
            if settings.objective == "group-dro"
            else MeanLoss()
        )
        self.additive = self._objective.additive

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        return self._objective(logits, self._images.labels[drawn], self._images.groups[drawn])

    def loss_state(self) -> dict[str, Any]:
        return self._objective.state_dict()

    def load_loss_state(self, state: dict[str, Any]) -> None:
        self._objective.load_state_dict(state)
