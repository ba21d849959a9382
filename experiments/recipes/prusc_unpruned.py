"""Control: PruSC without its masks: the best of ERM, fine-tuned network and refitted head is kept."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.head import Head, RefitHead
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes import finetune_only
from experiments.recipes.prusc import PRUSC, keep_best


def stages(config: Config) -> tuple[Stage, ...]:
    """Fine-tune the whole network, or only refit its head; keep what is best in the worst cell, possibly ERM."""
    return (
        *finetune_only.stages(config),
        RefitHead(config.section(Head), config.balance, config.model, source="erm"),
        keep_best(config, "erm", "finetune", "head"),
    )


PRUSC_UNPRUNED = Recipe(
    name="prusc-unpruned",
    summary="Control: as prusc, but nothing pruned; keep the best of ERM, fine-tuned network and refitted head.",
    kind="control",
    equations=(equations.FINETUNE_ALL, equations.HEAD, equations.BEST),
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed=PRUSC.fixed,
)
