"""The one training loop: steps, looks at the validation split, logging, checkpoints, stop and resume."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from core.config import Select
from core.errors import StageError
from core.events import Evaluated, Scalars, Selected, StageStarted
from core.groups import Evaluation
from core.training.selection import Selection

if TYPE_CHECKING:
    from core.engine.context import StageContext

LOG_POINTS = 200
"""Points that a series gets at most over a stage."""


class Learner(Protocol):
    """What the loop trains."""

    def step(self) -> Mapping[str, Tensor]:
        """Take one step; return named losses as detached scalars on the device, without waiting for it."""
        ...

    def look(self) -> Sequence[Evaluation]:
        """Evaluate on the validation split what would be handed on now: every member, and most learners train one."""
        ...

    def network(self, member: int) -> Mapping[str, Tensor]:
        """Tensors of a member that would be handed on now."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides the steps to come, random streams excepted."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        ...


class Meter:
    """Means of named scalars since the last reading, summed on the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add one step's values."""
        for name, value in values.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._count += 1

    def read(self) -> dict[str, float]:
        """Means since the last reading: the only place where the loop waits for the device."""
        means = (torch.stack(list(self._sums.values())) / self._count).tolist()
        named = dict(zip(self._sums, means, strict=True))
        self.__init__()  # type: ignore[misc]  # start over
        return named

    def state_dict(self) -> dict[str, Any]:
        """What was added since the last reading."""
        return {"sums": dict(self._sums), "count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._sums, self._count = state["sums"], state["count"]


def run_loop(
    context: "StageContext",
    learner: Learner,
    *,
    steps: int,
    per_epoch: float,
    select: Select,
    after: Mapping[int, Callable[[], None]] | None = None,
    watch: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Selection:
    """Take `steps` steps and return the selection that the looks along the way have led to.

    Args:
        context: of the stage.
        learner: what is trained.
        steps: how many steps in all.
        per_epoch: steps in one pass over the data.
        select: rule and number of looks; the last step is always looked at.
        after: step → what to do after it, such as keeping an early checkpoint.
        watch: is told the values of every point that is logged, such as to raise an alarm.

    Raises:
        StageError: a loss is no longer a finite number.
        Stopped: the run was asked to stop.
    """
    selection = Selection(select.rule)
    looks = {max(1, round(steps * (i + 1) / select.looks)) for i in range(select.looks)}
    log_every = max(1, steps // LOG_POINTS)
    meter = Meter()
    step = 0
    if (saved := context.resume_state()) is not None:
        step = saved["step"]
        learner.load_state_dict(saved["learner"])
        selection.load_state_dict(saved["selection"])
        meter.load_state_dict(saved["meter"])
    context.emit(StageStarted(context.stage, steps, step))

    def state() -> dict[str, Any]:
        return {
            "step": step,
            "learner": learner.state_dict(),
            "selection": selection.state_dict(),
            "meter": meter.state_dict(),
        }

    while step < steps:
        context.at_boundary(state)
        meter.add(learner.step())
        step += 1
        if step % log_every == 0 or step == steps:
            values = meter.read()
            _check_finite(values, step)
            context.emit(Scalars(context.stage, step, step / per_epoch, values))
            if watch is not None:
                watch(step, values)
        if after and step in after:
            after[step]()
        if step in looks:
            evaluations = learner.look()
            context.emit(Evaluated(context.stage, step, "validation", evaluations[0]))
            selection.offer(step, evaluations, learner.network)
        context.progress(step, steps)
    context.emit(Selected(context.stage, selection.rule, selection.step, selection.picks))
    return selection


def _check_finite(values: Mapping[str, float], step: int) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise StageError(f"{name} became {value} at step {step}", "try a smaller learning rate")
