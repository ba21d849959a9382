"""Control: plain ERM on the environment `balance`, without any penalty."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_inferred import InferEnvironments
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.irm import FIXED
from experiments.recipes.prusc import to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Infer the environments as `irm` does, and train on the balanced one alone by its mean loss."""
    return (
        *to_groups(config),
        InferEnvironments(config.environments),
        TrainMembers(config.train, config.select, only=("balance",)),
    )


ERM_BALANCE = Recipe(
    name="erm-balance",
    title="ERM on the balanced environment",
    summary="Control: plain ERM on the environment 'balance'. What does invariance add to balancing?",
    kind="control",
    equations=(equations.MINORITY_BALANCE, "min over θ: R_e(f_θ) for e = balance"),
    source="control for IRM (ours)",
    stages=stages,
    fixed={**FIXED, "train.objective": "erm", "environments.rule": "minority-balance"},
    preset="irm-demo",
)
