"""Stage `erm`: train a network from scratch, by the mean loss or by an oracle that knows the groups."""

from collections import defaultdict
from collections.abc import Mapping
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
from core.evaluation.predict import count_groups, evaluate_for_good, predict
from core.groups import Evaluation
from core.models.networks import build
from core.training.images import Images
from core.training.loop import run_loop
from core.training.objectives import GroupDroLoss, MeanLoss, Objective
from core.training.optimizers import make_optimizer, scheduled_lr, set_lr
from core.training.order import Order

MODEL = "model.safetensors"
"""Name of the network's file among the artifacts of a stage."""


def new_network(model: Model, data: DataSet) -> nn.Module:
    """Build the network for a data set, its weights drawn from torch's global generator."""
    network = build(model.name, len(data.label_names), data.splits["train"].images.shape[1])
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


class _Learner:
    def __init__(
        self,
        context: StageContext,
        network: nn.Module,
        settings: Erm,
        steps: int,
        train: Images,
        validation: Images,
    ) -> None:
        self._data = context.data
        self._network = network
        self._settings = settings
        self._steps = steps
        self._step = 0
        self._train = train
        self._validation = validation
        self._optimizer = make_optimizer(network.parameters(), settings)
        n_groups = len(_group_sizes(train))
        balanced = settings.objective != "erm"
        weights = (1 / _group_sizes(train).clamp(min=1).double())[train.groups].cpu() if balanced else None
        self._order = Order(len(train), settings.batch_size, context.generator("order"), weights)
        self._objective: Objective = (
            GroupDroLoss(n_groups, settings.dro_step_size, context.device)
            if settings.objective == "group-dro"
            else MeanLoss()
        )

    def step(self) -> Mapping[str, Tensor]:
        set_lr(self._optimizer, scheduled_lr(self._settings, self._step, self._steps))
        self._network.train()
        rows = self._order.next().to(self._train.device)
        logits = self._network(self._train.pixels(rows))
        loss = self._objective(logits, self._train.labels[rows], self._train.groups[rows])
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
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
            "objective": self._objective.state_dict(),
            "step": self._step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._order.load_state_dict(state["order"])
        self._objective.load_state_dict(state["objective"])
        self._step = state["step"]


def _group_sizes(images: Images) -> Tensor:
    return torch.bincount(images.groups)
