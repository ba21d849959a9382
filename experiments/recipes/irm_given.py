"""Oracle: IRM on the training environments that come with the data."""

from core.config import Config
from core.engine.stage import Stage
from core.errors import InputError
from core.stages.environments_given import TakeGiven
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Train on the given environments."""
    return (TakeGiven(), TrainMembers(config.train, config.select))


def check(config: Config) -> None:
    """Check that there are environments to be invariant over.

    Raises:
        InputError: the data has fewer than two.
    """
    match config.data.n_given_environments:
        case 0:
            raise InputError(
                f"data set '{config.data.name}' has no given training environments, which recipe irm-given needs; "
                "recipe irm infers them"
            )
        case 1:
            raise InputError(
                "data.environment_noise has only one environment, but IRM needs at least two; "
                "give two shares, such as [0.2,0.1]"
            )


IRM_GIVEN = Recipe(
    name="irm-given",
    title="IRM, given environments",
    summary="Oracle: IRM on the training environments that come with the data.",
    kind="oracle",
    equations=(equations.IRM,),
    source=equations.PAPER_IRM,
    stages=stages,
    fixed={"train.objective": "irm"},
    preset="irm-demo",
    supervision="environments",
    check=check,
)
