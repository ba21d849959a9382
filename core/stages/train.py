"""Stage `train`: all restarts and penalty weights in parallel, with an objective over environments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import ENVIRONMENTS, NETWORK_FILES
from core.config import Select, Train
from core.engine.stage import Stage

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class TrainMembers(Stage):
    """Train networks from scratch to be invariant over environments; a checkpoint is selected for each of them.

    Attributes:
        train: settings.
        select: selection of the checkpoints.
        only: names of the environments to use; empty for all.
    """

    train: Train
    select: Select
    only: tuple[str, ...] = ()
    name: ClassVar[str] = "train"
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("environments",)

    def run(self, context: "StageContext") -> None:
        from core.invariance.environments import load_environments
        from core.invariance.members import train_members

        found = load_environments(context.input("environments") / ENVIRONMENTS)
        train_members(context, self.train, self.select, found.subset(self.only) if self.only else found)
