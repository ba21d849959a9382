"""All members of a training as one learner, and their accuracies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from core.config import Train
from core.data.splits import SplitName
from core.events import Restarts, Warned
from core.groups import Evaluation
from core.invariance.batched import Members
from core.invariance.environments import Environments
from core.invariance.makeup import penalty_warning
from core.invariance.objectives import Annealing, Objective
from core.invariance.train import Training
from core.training.images import Images
from core.training.order import Order
from core.training.predict import count_groups

if TYPE_CHECKING:
    from core.engine.context import StageContext

BATCH = 1000
"""Images per forward pass of all members."""
WORST_PENALTY = "penalty worst"
"""Name of the largest penalty of a member (the mean over environments)."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The members of a training, with the penalty weight and the restart index of each."""

    members: Members
    weights: tuple[float, ...]
    restarts: tuple[int, ...]

    def evaluate(self, context: "StageContext", images: Images, split: SplitName) -> list[Evaluation]:
        parts = [self.members.logits(pixels) for _, pixels in images.in_order(BATCH)]
        logits = torch.cat(parts, dim=1)
        guesses = (logits > 0).long() if logits.dim() == 2 else logits.argmax(-1)
        return [count_groups(guess, images, context.data, split) for guess in guesses]

    def report(
        self,
        context: "StageContext",
        step: int,
        split: SplitName,
        evaluations: Sequence[Evaluation],
        chosen: int | None = None,
    ) -> None:
        """Emit the accuracies of the members; `chosen`, the selected member, marks the final report."""
        context.emit(
            Restarts(
                context.stage,
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

    def __init__(self, context: "StageContext", sweep: Sweep, settings: Train, environments: Environments) -> None:
        self._context = context
        self._sweep = sweep
        self._names = environments.names
        objective = Objective(
            settings.objective,
            Annealing(sweep.weights, settings.anneal_until),
            len(environments),
            dro_step_size=settings.dro_step_size,
            rescaled=settings.rescale,
            device=context.device,
        )
        self._objective = objective
        self._training = Training(
            sweep.members, objective, lr=settings.lr, l2=settings.l2, estimator=settings.estimator
        )
        self.validation = Images(context.data, "validation", context.device)
        self._images = Images(context.data, "train", context.device)
        self._used = torch.from_numpy(environments.used).to(context.device)
        self._weights = torch.from_numpy(environments.weights()).to(context.device)
        self._labels = self._images.labels[self._used]
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
            drawn = self._order.next().to(self._used.device)
            pixels = self._images.pixels(self._used[drawn])
            seen = self._training.step(pixels, self._labels[drawn], self._weights[drawn])
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
        evaluations = self._sweep.evaluate(self._context, self.validation, "validation")
        self._sweep.report(self._context, self._training.steps, "validation", evaluations)
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
