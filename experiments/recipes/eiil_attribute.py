"""Oracle: EIIL whose reference predicts the attribute, so that its mistakes are the true conflicts."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_eiil import InferByEiil
from core.stages.reference import reference_of
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Split the samples by the mistakes of the attribute, and train by IRM."""
    return (
        InferByEiil(config.environments, reference_of(config.train)),
        TrainMembers(config.train, config.select),
    )


EIIL_ATTRIBUTE = Recipe(
    name="eiil-attribute",
    title="EIIL, colour as reference",
    summary="Oracle: EIIL with the attribute as its reference (training attributes used).",
    kind="oracle",
    equations=(f"{equations.EIIL}: the attribute", equations.IRM),
    source=equations.PAPER_EIIL,
    stages=stages,
    fixed={"train.objective": "irm", "environments.reference": "attribute"},
    preset="irm-demo",
    supervision="train",
)
