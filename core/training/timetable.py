"""How long the rest of a training will take: its steps, its evaluations, and the final one."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from time import monotonic

from core.pace import Pace

FORWARD = 1 / 3
"""Share of a training step that its forward pass takes; the backward pass takes twice as long."""


class Timetable:
    """Times steps and evaluations apart, as there may be long breaks between a few evaluations.

    Args:
        steps: total number of steps.
        looks: steps after which there is an evaluation.
        sizes: images of a step, of an evaluation, and of the final evaluation after the last step; the first is 0 if
            they are unknown: evaluations then count only once one was timed, and the final one never does.
    """

    def __init__(self, steps: int, looks: Collection[int], sizes: tuple[int, int, int] = (0, 0, 0)) -> None:
        self._steps = steps
        self._looks = sorted(looks)
        self._sizes = sizes
        self._pace = Pace(monotonic)
        self._looked = 0
        self._looking = 0.0

    def stepped(self, step: int) -> None:
        """Record that a step is done; call it before the evaluation after that step."""
        self._pace.reach(step)

    @contextmanager
    def look(self) -> Iterator[None]:
        """Time an evaluation."""
        start = monotonic()
        yield
        self._looking += monotonic() - start
        self._looked += 1
        self._pace.pause()

    def left(self, step: int) -> float | None:
        """Seconds after `step`, and the evaluation after it, until the stage ends; None before the second step."""
        stepping, per_step = self._pace.left(self._steps), self._pace.per_unit
        if stepping is None or per_step is None:
            return None
        batch, images, final = self._sizes
        look = per_step * FORWARD * images / batch if batch else 0.0
        if self._looked:
            look = self._looking / self._looked
        ahead = sum(at > step for at in self._looks) + (final / images if batch and images else 0.0)
        return stepping + ahead * look
