"""Training of several networks in parallel, from settings to final evaluation."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from core.artifacts import MODEL
from core.config import Select, Train
from core.data.dataset import DataSet
from core.data.splits import SplitName
from core.invariance.batched import Members
from core.invariance.environments import Environments
from core.invariance.learner import BATCH, PenaltyWatch, Sweep, SweepLearner
from core.models.heads import class_logits
from core.models.networks import build
from core.tensors import load_tensors, save_tensors
from core.training.images import Images, seen_shape
from core.training.loop import run_loop
from core.training.predict import final_evaluation

if TYPE_CHECKING:
    from core.engine.context import StageContext


def train_members(context: "StageContext", settings: Train, select: Select, environments: Environments) -> None:
    """Train all members from scratch; write network and predictions of the selected one.

    Raises StageError if a loss is no longer a finite number, and Stopped if a stop was requested.
    """
    data = context.data
    weights = settings.penalty_weights if settings.objective in ("irm", "vrex") else (0.0,)
    plan = [(weight, restart) for weight in weights for restart in range(settings.restarts)]
    seeds = [context.streams.seed(f"restart/{restart}") for _, restart in plan]
    members = Members(_builder(settings, data), seeds, device=context.device)
    sweep = Sweep(members, tuple(weight for weight, _ in plan), tuple(restart for _, restart in plan))
    learner = SweepLearner(context, sweep, settings, environments)
    selection = run_loop(
        context,
        learner,
        steps=settings.steps,
        per_epoch=learner.steps_per_epoch,
        select=select,
        watch=PenaltyWatch(context),
    )
    members.load(selection.networks)
    held_out: dict[SplitName, Images] = {"validation": learner.validation, "test": Images(data, "test", context.device)}
    everything: dict[SplitName, Images] = {"train": Images(data, "train", context.device), **held_out}
    for split, images in everything.items():
        evaluations = sweep.evaluate(context, images, split)
        sweep.report(context, selection.step, split, evaluations, selection.member)
    network = members.network(selection.member)
    save_tensors(context.directory / MODEL, network.state_dict())
    binary = settings.head_for(len(data.label_names)) == "binary"
    final_evaluation(context, lambda x: class_logits(network(x)) if binary else network(x), selection.step, held_out)


def reference_logits(context: "StageContext", train: Train) -> Tensor:
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
