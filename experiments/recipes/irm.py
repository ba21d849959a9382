"""IRM without annotations: infer environments from conflict samples, then train a network that is invariant to them."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_inferred import InferEnvironments
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import to_groups

FIXED = {"erm.objective": "erm"}


def stages(config: Config) -> tuple[Stage, ...]:
    """Find conflict samples; form environments from them; train on these."""
    return (
        *to_groups(config),
        InferEnvironments(config.environments),
        TrainMembers(config.train, config.select),
    )


IRM = Recipe(
    name="irm",
    title="IRM, inferred environments (ours)",
    summary="Infer environments from the conflict samples of a finder, then train by IRM.",
    kind="method",
    equations=(equations.MINORITY_BALANCE, equations.IRM),
    source=f"{equations.PAPER_IRM}; environments: {equations.PAPER_CLUSTERS}",
    stages=stages,
    fixed={**FIXED, "train.objective": "irm"},
    preset="irm-demo",
)
