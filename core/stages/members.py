"""Stages `train` and `reference`: all restarts and penalty weights side by side, by an objective over environments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from core.config import Select, Train
from core.data.dataset import DataSet
from core.data.splits import SplitName
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.invariance.batched import Members
from core.invariance.environments import Environments, load_environments
from core.invariance.learner import BATCH, Crew, CrewLearner, PenaltyWatch
from core.models.heads import class_logits
from core.models.networks import build
from core.stages.erm import MODEL
from core.stages.predict import evaluate_for_good
from core.tensors import load_tensors, save_tensors
from core.training.images import Images, seen_shape
from core.training.loop import run_loop


@dataclass(frozen=True)
class TrainMembers:
    """Train networks from scratch that are to hold in all environments; the rule takes a step for each of them.

    Artifacts: `model.safetensors` and `predictions-*.safetensors` of the member that is handed on.

    Args:
        train: settings.
        select: which checkpoint.
        only: names of the environments that are used; empty for all.
    """

    train: Train
    select: Select
    only: tuple[str, ...] = ()
    name: ClassVar[str] = "train"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("environments",)

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        found = load_environments(context.input("environments"))
        return _train(context, self.train, self.select, found.subset(self.only) if self.only else found)


@dataclass(frozen=True)
class TrainReference:
    """Train the network whose mistakes tell EIIL the environments apart: one member, by ERM on all training images.

    Artifacts: `model.safetensors`, `predictions-*.safetensors`.
    """

    train: Train
    select: Select
    name: ClassVar[str] = "reference"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        everyone = np.arange(len(context.data.splits["train"]))
        return _train(context, self.train, self.select, Environments(("all",), (everyone,)))


def reference_of(train: Train) -> Train:
    """What stage `reference` is trained by: the network and steps of stage `train`, one restart, by ERM."""
    same = ("network", "hidden", "head", "steps", "batch_size", "lr", "l2")
    return Train(objective="erm", restarts=1, **{name: getattr(train, name) for name in same})


def reference_logits(context: StageContext, train: Train) -> Tensor:
    """Logits of the network of stage `reference` on the training split, [1, n] or [1, n, classes]."""
    network = _builder(train, context.data)()
    network.load_state_dict(load_tensors(context.input("reference") / MODEL))
    network.to(context.device).eval()
    with torch.no_grad():
        parts = [network(x) for _, x in Images(context.data, "train", context.device).in_order(BATCH)]
    return torch.cat(parts)[None]


def _builder(train: Train, data: DataSet) -> Callable[[], nn.Module]:
    n_classes = len(data.label_names)
    channels, height, width = seen_shape(data)
    outputs = 1 if train.head_for(n_classes) == "binary" else n_classes
    return lambda: build(train.network, outputs, channels, (height, width), hidden=train.hidden)


def _train(context: StageContext, settings: Train, select: Select, environments: Environments) -> StageResult:
    data = context.data
    weights = settings.penalty_weights if settings.objective in ("irm", "vrex") else (0.0,)
    plan = [(weight, restart) for weight in weights for restart in range(settings.restarts)]
    seeds = [context.streams.seed(f"restart/{restart}") for _, restart in plan]
    members = Members(_builder(settings, data), seeds, device=context.device)
    crew = Crew(members, tuple(weight for weight, _ in plan), tuple(restart for _, restart in plan))
    learner = CrewLearner(context, crew, settings, environments)
    selection = run_loop(
        context,
        learner,
        steps=settings.steps,
        per_epoch=learner.steps_per_epoch,
        select=select,
        watch=PenaltyWatch(context),
    )
    members.load(selection.networks)
    handed_on: dict[SplitName, Images] = {
        "validation": learner.validation,
        "test": Images(data, "test", context.device),
    }
    everything: dict[SplitName, Images] = {"train": Images(data, "train", context.device), **handed_on}
    restarts: dict[str, Any] = {}
    for split, images in everything.items():
        evaluations = crew.measure(context, images, split)
        restarts[split] = crew.say(context, selection.step, split, evaluations, selection.member)
    network = members.network(selection.member)
    save_tensors(context.directory / MODEL, network.state_dict())
    binary = settings.head_for(len(data.label_names)) == "binary"
    final = evaluate_for_good(
        context, lambda x: class_logits(network(x)) if binary else network(x), selection.step, handed_on
    )
    return StageResult(final, selection=selection.report(), restarts=restarts)
