"""Oracle: IRM on the training environments that come with the data."""

from core.config import Config
from core.engine.stage import Stage
from core.errors import InputError
from experiments.recipe import Recipe

STAGES = ("environments", "train")
"""The stages of all that needs no clusters."""


def stages(config: Config) -> tuple[Stage, ...]:
    """Take the given environments, and train on them."""
    from core.stages.environments import TakeGiven
    from core.stages.members import TrainMembers

    return (TakeGiven(), TrainMembers(config.train, config.select))


def check(config: Config) -> None:
    """See that there are environments to be invariant over.

    Raises:
        InputError: the data brings fewer than two.
    """
    match config.data.n_given_environments:
        case 0:
            raise InputError(
                f"data set '{config.data.name}' brings no training environments, which recipe irm-given needs; "
                "recipe irm infers them"
            )
        case 1:
            raise InputError(
                "data.environment_noise has one environment only, and IRM needs at least two to be invariant over; "
                "give two shares, such as [0.2,0.1]"
            )


IRM_GIVEN = Recipe(
    name="irm-given",
    summary="Oracle: IRM on the training environments that come with the data.",
    stage_names=STAGES,
    stages=stages,
    fixed={"train.objective": "irm"},
    preset="irm-demo",
    supervision="environments",
    check=check,
)
