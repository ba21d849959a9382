"""Training of several networks in parallel, from settings to final evaluation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.artifacts import MODEL
from core.config import Select, Train
from core.data.dataset import DataSet
from core.data.splits import SplitName
from core.events import Restarts, Warned
from core.groups import Evaluation
from core.invariance.batched import Members
from core.invariance.environments import Environments
from core.invariance.makeup import penalty_warning
from core.invariance.objectives import Annealing, Objective
from core.invariance.train import Training
from core.models.heads import class_logits
from core.models.networks import build
from core.tensors import load_tensors, save_tensors
from core.training.augment import on_device
from core.training.images import Images, seen_shape, split_images, validation_images
from core.training.loop import run_loop
from core.training.order import Order
from core.training.predict import count_groups, final_evaluation

if TYPE_CHECKING:
    from core.engine.context import StageContext

BATCH = 1000
"""Images per forward pass of all members."""
WORST_PENALTY = "penalty worst"
"""Name of the largest penalty of a member (the mean over environments)."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The members of a training, with the penalty weight and the restart index of each."""

    context: "StageContext"
    members: Members
    weights: tuple[float, ...]
    restarts: tuple[int, ...]

    def evaluate(self, images: Images, split: SplitName) -> list[Evaluation]:
        parts = [self.members.logits(pixels) for _, pixels in images.in_order(BATCH)]
        logits = torch.cat(parts, dim=1)
        guesses = (logits > 0).long() if logits.dim() == 2 else logits.argmax(-1)
        return [count_groups(guess, images, self.context.data, split) for guess in guesses]

    def report(self, step: int, split: SplitName, evaluations: Sequence[Evaluation], chosen: int | None = None) -> None:
        """Emit the accuracies of the members; `chosen`, the selected member, marks the final report."""
        self.context.emit(
            Restarts(
                self.context.stage,
                step,
                split,
                evaluations[0].n,
                list(self.weights),
                list(self.restarts),
                [evaluation.average for evaluation in evaluations],
                [evaluation.worst_group.accuracy for evaluation in evaluations],
                final=chosen is not None,
                chosen=chosen,
            )
        )


class SweepLearner:
    """Trains all members at once on samples of environments."""

    def __init__(self, sweep: Sweep, settings: Train, environments: Environments) -> None:
        context = sweep.context
        self._sweep = sweep
        self._names = environments.names
        self._objective = Objective(
            settings.objective,
            Annealing(sweep.weights, settings.anneal_until),
            len(environments),
            dro_step_size=settings.dro_step_size,
            rescaled=settings.rescale,
            device=context.device,
        )
        self._training = Training(
            sweep.members, self._objective, lr=settings.lr, l2=settings.l2, estimator=settings.estimator
        )
        self.validation = validation_images(context)
        self._images = split_images(context, "train")
        self._used = torch.from_numpy(environments.used)  # on the CPU, where images are read
        self._weights = torch.from_numpy(environments.weights()).to(context.device)
        self._labels = self._images.labels[self._used.to(context.device)]
        self._order: Order | None = None
        self.steps_per_epoch = 1.0
        if settings.batch_size == "full" or settings.batch_size >= len(self._used):
            self._x = sweep.members.prepared(self._images.pixels(self._used))
        else:
            self._order = Order(len(self._used), settings.batch_size, context.generator("order"))
            self.steps_per_epoch = len(self._used) / settings.batch_size

    def step(self) -> Mapping[str, Tensor]:
        """Take one step of every member; returns means over the members."""
        if self._order is None:
            seen = self._training.step(self._x, self._labels, self._weights)
        else:
            drawn = self._order.next()
            pixels = self._images.pixels(self._used[drawn])
            if self._images.travels:
                self._images.ahead(self._used[self._order.peek()])
            entries = on_device(drawn, pixels.device)
            seen = self._training.step(pixels, self._labels[entries], self._weights[entries])
        values = {"loss": (seen.losses / self._objective.divisor(seen.weights)).mean()}
        risks, penalties = seen.risks.mean(0), seen.penalties.mean(0)
        for name, risk in zip(self._names, risks, strict=True):
            values[f"risk {name}"] = risk
        if len(self._names) > 1:
            for name, penalty in zip(self._names, penalties, strict=True):
                values[f"penalty {name}"] = penalty
            values[WORST_PENALTY] = seen.penalties.mean(1).amax()
        if self._objective.kind in ("irm", "vrex"):
            values["penalty weight"] = seen.weights.amax()
        return values

    def look(self) -> Sequence[Evaluation]:
        """Evaluate every member on the validation split, and report the results."""
        evaluations = self._sweep.evaluate(self.validation, "validation")
        self._sweep.report(self._training.steps, "validation", evaluations)
        return evaluations

    def network(self, member: int) -> Mapping[str, Tensor]:
        """Current parameters of a member."""
        return {name: values[member] for name, values in self._sweep.members.parameters.items()}

    def state_dict(self) -> dict[str, Any]:
        order = {} if self._order is None else self._order.state_dict()
        return {"training": self._training.state_dict(), "order": order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._training.load_state_dict(state["training"])
        if self._order is not None:
            self._order.load_state_dict(state["order"])


class PenaltyWatch:
    """Warns once if a penalty explodes."""

    def __init__(self, context: "StageContext") -> None:
        self._context = context
        self._warned = False

    def __call__(self, step: int, values: Mapping[str, float]) -> None:
        if not self._warned and (finding := penalty_warning(values.get(WORST_PENALTY, 0.0), step)) is not None:
            self._warned = True
            self._context.emit(Warned(self._context.stage, finding.code, finding.text))


def train_members(context: "StageContext", settings: Train, select: Select, environments: Environments) -> None:
    """Train all members from scratch; write network and predictions of the selected one.

    Raises StageError if a loss is no longer a finite number, and Stopped if a stop was requested.
    """
    data = context.data
    weights = settings.penalty_weights if settings.objective in ("irm", "vrex") else (0.0,)
    plan = [(weight, restart) for weight in weights for restart in range(settings.restarts)]
    seeds = [context.streams.seed(f"restart/{restart}") for _, restart in plan]
    members = Members(_builder(settings, data), seeds, device=context.device)
    sweep = Sweep(context, members, tuple(weight for weight, _ in plan), tuple(restart for _, restart in plan))
    learner = SweepLearner(sweep, settings, environments)
    selection = run_loop(
        context,
        learner,
        steps=settings.steps,
        per_epoch=learner.steps_per_epoch,
        select=select,
        watch=PenaltyWatch(context),
    )
    members.load(selection.networks)
    held_out: dict[SplitName, Images] = {"validation": learner.validation, "test": split_images(context, "test")}
    everything: dict[SplitName, Images] = {"train": split_images(context, "train"), **held_out}
    for split, images in everything.items():
        evaluations = sweep.evaluate(images, split)
        sweep.report(selection.step, split, evaluations, selection.member)
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
        parts = [network(x) for _, x in split_images(context, "train").in_order(BATCH)]
    return torch.cat(parts)[None]


def _builder(train: Train, data: DataSet) -> Callable[[], nn.Module]:
    n_classes = len(data.label_names)
    channels, height, width = seen_shape(data)
    outputs = 1 if train.head_for(n_classes) == "binary" else n_classes
    return lambda: build(train.network, outputs, channels, (height, width), hidden=train.hidden)
