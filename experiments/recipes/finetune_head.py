"""Control: fine-tune the whole network on the balanced set, then refit its head on the same set."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.head import Head, RefitHead
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes import finetune_only
from experiments.recipes.prusc import PRUSC


def stages(config: Config) -> tuple[Stage, ...]:
    """Fine-tune with nothing pruned, then refit the head."""
    return (
        *finetune_only.stages(config),
        RefitHead(config.section(Head), config.balance, config.model, source="finetune"),
    )


FINETUNE_HEAD = Recipe(
    name="finetune-head",
    summary="Control: fine-tune on the balanced set, nothing pruned, then refit the head. What do the masks add?",
    kind="control",
    equations=(equations.FINETUNE_ALL, equations.HEAD),
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed=PRUSC.fixed,
)
