"""Oracle: EIIL whose reference answers by the attribute alone, so that its mistakes are the true conflicts."""

from core.config import Config
from core.engine.stage import Stage
from experiments.recipe import Recipe
from experiments.recipes.irm_given import STAGES


def stages(config: Config) -> tuple[Stage, ...]:
    """Split the samples by the mistakes of the attribute, and train by IRM."""
    from core.stages.environments import InferByEiil
    from core.stages.members import TrainMembers, reference_of

    return (
        InferByEiil(config.environments, reference_of(config.train)),
        TrainMembers(config.train, config.select),
    )


EIIL_ATTRIBUTE = Recipe(
    name="eiil-attribute",
    summary="Oracle: EIIL with the attribute for its reference (training attributes used).",
    stage_names=STAGES,
    stages=stages,
    fixed={"train.objective": "irm", "environments.reference": "attribute"},
    preset="irm-demo",
    supervision="train",
)
