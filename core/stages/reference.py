"""Stage `reference`: the network whose mistakes determine the environments of EIIL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import NETWORK_FILES
from core.config import Select, Train
from core.engine.stage import Stage

if TYPE_CHECKING:
    from core.engine.context import StageContext

_SAME = ("network", "hidden", "head", "steps", "batch_size", "lr", "l2")
REFERENCE_SETTINGS = tuple(f"train.{name}" for name in _SAME)
"""Settings shared with stage `train`."""


@dataclass(frozen=True)
class TrainReference(Stage):
    """Train one member by ERM on all training images."""

    train: Train
    select: Select
    name: ClassVar[str] = "reference"
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES

    @property
    def reads(self) -> tuple[str, ...]:
        return (*REFERENCE_SETTINGS, "select")

    def run(self, context: "StageContext") -> None:
        import numpy as np

        from core.invariance.environments import Environments
        from core.invariance.members import train_members

        everyone = np.arange(len(context.data.splits["train"]))
        train_members(context, self.train, self.select, Environments(("all",), (everyone,)))


def reference_of(train: Train) -> Train:
    """Settings of the reference: ERM with network and steps of stage `train` and one restart."""
    return Train(objective="erm", restarts=1, **{name: getattr(train, name) for name in _SAME})
