"""Stage `environments` of plain ERM: one environment with all training samples."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.events import StageStarted
from core.stages.environments import MakeEnvironments, save

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class PoolAll(MakeEnvironments):
    """One environment with all training samples."""

    def run(self, context: "StageContext") -> None:
        import numpy as np

        from core.invariance.environments import Environments

        context.emit(StageStarted(context.stage, 1))
        everyone = np.arange(len(context.data.splits["train"]))
        save(context, Environments(("all",), (everyone,)), "all training samples")
