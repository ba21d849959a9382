"""The training loop: steps, validation, logging, checkpoints, stop and resume."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from core.config import Select
from core.errors import StageError, Stopped
from core.events import Evaluated, Scalars, Selected, StageStarted
from core.groups import Evaluation
from core.training.selection import FALLBACK, Selection
from core.training.timetable import Timetable

if TYPE_CHECKING:
    from core.engine.context import StageContext

LOG_POINTS = 200
"""Maximum number of points of a series per stage."""


class Learner(Protocol):
    """Interface of what the loop trains."""

    def step(self) -> Mapping[str, Tensor]:
        """Take one step; return named losses as detached scalars on the device, without waiting for it."""
        ...

    def look(self) -> Sequence[Evaluation]:
        """Evaluate every member on the validation split; most learners have one.

        Raises Stopped if a stop was requested; the state is then the one before the call.
        """
        ...

    def network(self, member: int) -> Mapping[str, Tensor]:
        """Current tensors of a member, for its checkpoint."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """State for `load_state_dict`, without random streams."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        ...


class Meter:
    """Means of named scalars since the last `read`, accumulated on the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add one step's values."""
        for name, value in values.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._count += 1

    def read(self) -> dict[str, float]:
        """Means since the last call; the only place where the loop waits for the device."""
        means = (torch.stack(list(self._sums.values())) / self._count).tolist()
        named = dict(zip(self._sums, means, strict=True))
        self.__init__()  # type: ignore[misc]  # start over
        return named

    def state_dict(self) -> dict[str, Any]:
        """State for `load_state_dict`."""
        return {"sums": dict(self._sums), "count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self._sums, self._count = state["sums"], state["count"]


def run_loop(
    context: "StageContext",
    learner: Learner,
    *,
    steps: int,
    per_epoch: float,
    select: Select | None = None,
    batch_size: int = 0,
    after: Mapping[int, Callable[[], None]] | None = None,
    watch: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Selection:
    """Take `steps` steps and return the selection among the evaluated checkpoints.

    Args:
        context: of the stage.
        learner: to train.
        steps: total number of steps.
        per_epoch: steps per pass over the data.
        select: rule and number of evaluations, the last of them after the last step; None for no evaluation.
        batch_size: images per step, if the stage evaluates the network on validation and test images afterwards: tells
            how long evaluations take before the first one, for the time left.
        after: step → callback after it, such as to keep an early checkpoint.
        watch: called with step and values of every logged point, such as to warn.

    Raises:
        StageError: a loss is no longer a finite number.
        Stopped: a stop was requested.
    """
    selection = Selection(select.rule if select else FALLBACK)
    n_looks = select.looks if select else 0
    looks = {max(1, round(steps * (i + 1) / n_looks)) for i in range(n_looks)}
    log_every = max(1, steps // LOG_POINTS)
    meter = Meter()
    step, due = 0, False
    if (saved := context.resume_state()) is not None:
        step, due = saved["step"], saved.get("due", False)  # earlier versions never stopped before an evaluation
        learner.load_state_dict(saved["learner"])
        selection.load_state_dict(saved["selection"])
        meter.load_state_dict(saved["meter"])
    context.emit(StageStarted(context.stage, steps, step))
    timetable = Timetable(steps, looks, _sizes(context, batch_size))

    def state() -> dict[str, Any]:
        return {
            "step": step,
            "due": due,
            "learner": learner.state_dict(),
            "selection": selection.state_dict(),
            "meter": meter.state_dict(),
        }

    def evaluate() -> None:
        with timetable.look():
            try:
                evaluations = learner.look()
            except Stopped:
                context.save(state)
                raise
            context.emit(Evaluated(context.stage, step, "validation", evaluations[0]))
            selection.offer(step, evaluations, learner.network)

    while step < steps or due:
        context.at_boundary(state)
        if not due:
            meter.add(learner.step())
            step += 1
            timetable.stepped(step)
            if step % log_every == 0 or step == steps:
                values = meter.read()
                _check_finite(values, step)
                context.emit(Scalars(context.stage, step, step / per_epoch, values))
                if watch is not None:
                    watch(step, values)
            if after and step in after:
                after[step]()
            due = step in looks
        if due:
            evaluate()
            due = False
        context.progress(step, steps, timetable.left(step))
    context.save(state)  # the final evaluation, which follows, may be stopped
    if select:
        context.emit(Selected(context.stage, selection.rule, selection.step, selection.picks))
    return selection


def _sizes(context: "StageContext", batch_size: int) -> tuple[int, int, int]:
    """Images of a step, of an evaluation, and of the final evaluation; zeros without a batch size."""
    if not batch_size:
        return 0, 0, 0
    splits = context.data.splits
    return batch_size, len(splits["validation"]), len(splits["validation"]) + len(splits["test"])


def _check_finite(values: Mapping[str, float], step: int) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise StageError(f"{name} became {value} at step {step}", "try a smaller learning rate")
