"""Several trainings inside one stage, each with random streams of its own, resumable at every step."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from core.engine.context import StageContext
from core.events import Event, Warned


class Part(StageContext):
    """The context of one training of a stage; of its events only warnings are written.

    Args:
        whole: context of the stage, which has called its `resume_state`.
        name: of the part, unique in the stage.
        kept: returns the state of the stage apart from this training; `part` is added to it.
        done: steps of the stage before this part.
        total: steps of the stage.
    """

    def __init__(
        self, whole: StageContext, name: str, kept: Callable[[], Mapping[str, Any]], done: int, total: int
    ) -> None:
        vars(self).update(vars(whole))  # same run, device, streams and inputs
        self._whole = whole
        self._name = name
        self._kept = kept
        self._done = done
        self._total = total

    def generator(self, name: str, device: torch.device | str = "cpu") -> torch.Generator:
        """Return the random stream `name` of this part."""
        return self._whole.generator(f"{self._name}/{name}", device)

    def emit(self, event: Event) -> None:
        """Write a warning; events of other kinds describe only this part, and are dropped."""
        if isinstance(event, Warned):
            self._whole.emit(event)

    def progress(self, step: int, total: int, left: float | None = None) -> None:
        """Report progress of the whole stage."""
        del total, left
        self._whole.progress(self._done + step, self._total)

    def at_boundary(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Mark a step boundary; a checkpoint holds the state of the stage and that of this training."""
        self._whole.at_boundary(lambda: self._joined(state))

    def save(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Write a checkpoint with the state of the stage and that of this training."""
        self._whole.save(lambda: self._joined(state))

    def resume_state(self) -> dict[str, Any] | None:
        """State of this training if the last checkpoint was written during it; only then are streams restored."""
        if self._resumed is None or self._resumed["state"]["part"]["name"] != self._name:
            return None
        state: dict[str, Any] = self._whole.resume_state()["part"]["state"]  # type: ignore[index]  # it exists
        return state

    def _joined(self, state: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        return {**self._kept(), "part": {"name": self._name, "state": dict(state())}}
