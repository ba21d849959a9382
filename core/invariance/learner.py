"""All members of a training as one learner of the loop, and what they reach on a split."""

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
from core.invariance.makeup import penalty_alarm
from core.invariance.objectives import Annealing, Objective
from core.invariance.train import Training
from core.training.images import Images
from core.training.order import Order
from core.training.predict import count_groups

if TYPE_CHECKING:
    from core.engine.context import StageContext

BATCH = 1000
"""Images in a forward pass of all members."""
WORST_PENALTY = "penalty worst"
"""Name of the largest penalty of a member, the mean over environments."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The members of a training, and which is which.

    Attributes:
        members: the networks.
        weights: penalty weight of each.
        restarts: number of the restart of each.
    """

    members: Members
    weights: tuple[float, ...]
    restarts: tuple[int, ...]

    def measure(self, context: "StageContext", images: Images, split: SplitName) -> list[Evaluation]:
        """Count what every member gets right on a split."""
        parts = [self.members.logits(pixels) for _, pixels in images.in_order(BATCH)]
        logits = torch.cat(parts, dim=1)
        guesses = (logits > 0).long() if logits.dim() == 2 else logits.argmax(-1)
        return [count_groups(guess, images, context.data, split) for guess in guesses]

    def say(
        self,
        context: "StageContext",
        step: int,
        split: SplitName,
        evaluations: Sequence[Evaluation],
        chosen: int | None = None,
    ) -> None:
        """Report what the members reach; with `chosen`, the member that is handed on, it is the final report."""
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


class CrewLearner:
    """Trains all members at once on the samples of some environments.

    Args:
        context: of the stage.
        crew: what is trained.
        settings: of the stage.
        environments: of the training split.
    """

    def __init__(self, context: "StageContext", crew: Crew, settings: Train, environments: Environments) -> None:
        self._context = context
        self._crew = crew
        self._names = environments.names
        objective = Objective(
            settings.objective,
            Annealing(crew.weights, settings.anneal_until),
            len(environments),
            dro_step_size=settings.dro_step_size,
            rescaled=settings.rescale,
            device=context.device,
        )
        self._objective = objective
        self._training = Training(crew.members, objective, lr=settings.lr, l2=settings.l2, estimator=settings.estimator)
        self.validation = Images(context.data, "validation", context.device)
        self._images = Images(context.data, "train", context.device)
        self._used = torch.from_numpy(environments.used).to(context.device)
        self._weights = torch.from_numpy(environments.weights()).to(context.device)
        self._labels = self._images.labels[self._used]
        self._order: Order | None = None
        self.steps_per_epoch = 1.0
        if settings.batch_size == "full" or settings.batch_size >= len(self._used):
            self._x = crew.members.prepared(self._images.pixels(self._used))
        else:
            self._order = Order(len(self._used), settings.batch_size, context.generator("order"))
            self.steps_per_epoch = len(self._used) / settings.batch_size

    def step(self) -> Mapping[str, Tensor]:
        """Take one step of every member; what is returned are means over the members."""
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
        """Evaluate every member on the validation split, and tell."""
        evaluations = self._crew.measure(self._context, self.validation, "validation")
        self._crew.say(self._context, self._training.steps, "validation", evaluations)
        return evaluations

    def network(self, member: int) -> Mapping[str, Tensor]:
        """Parameters of a member as they are now."""
        return {name: values[member] for name, values in self._crew.members.parameters.items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides the steps to come, random streams excepted."""
        order = {} if self._order is None else self._order.state_dict()
        return {"training": self._training.state_dict(), "order": order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._training.load_state_dict(state["training"])
        if self._order is not None:
            self._order.load_state_dict(state["order"])


class PenaltyWatch:
    """Raises the alarm, once, when a penalty explodes."""

    def __init__(self, context: "StageContext") -> None:
        self._context = context
        self._raised = False

    def __call__(self, step: int, values: Mapping[str, float]) -> None:
        """Look at the values of a step."""
        if not self._raised and (alarm := penalty_alarm(values.get(WORST_PENALTY, 0.0), step)) is not None:
            self._raised = True
            self._context.emit(Warned(self._context.stage, alarm.code, alarm.text))
