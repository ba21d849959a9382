"""Stage `environments` of the oracle: the given environments of the data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError
from core.events import StageStarted
from core.stages.environments import MakeEnvironments, save

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class TakeGiven(MakeEnvironments):
    """The given environments of the training split: supervision that other variants do not use."""

    def run(self, context: "StageContext") -> None:
        from core.invariance.environments import by_number, require_two

        context.emit(StageStarted(context.stage, 1))
        numbers = context.data.splits["train"].environments
        if numbers is None:
            raise InputError(
                f"data set '{context.data.name}' has no given training environments; infer them (recipe irm)"
            )
        environments = by_number(numbers, context.data.environments)
        require_two(environments)
        save(context, environments, "given with the data")
