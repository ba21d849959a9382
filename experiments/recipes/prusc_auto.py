"""PruSC that ends as validation advises: masks, refitted head or fine-tuning, by the worst cell."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.best import KeepBest
from core.stages.finetune import FinetuneNetwork
from core.stages.head import Head, RefitHead
from core.stages.prune import LearnMasks
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_balanced_set


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn masks, refit the head, fine-tune; keep the network with the best worst cell, possibly that of ERM."""
    return (
        *to_balanced_set(config),
        LearnMasks(config.prune, config.model, config.select, config.compute),
        RefitHead(config.section(Head), config.balance, config.model, source="prune"),
        FinetuneNetwork(config.finetune, config.model, config.select, source="prune", compute=config.compute),
        KeepBest(("erm", "prune", "head", "finetune")),
    )


PRUSC_AUTO = Recipe(
    name="prusc-auto",
    summary="PruSC, and of its networks (ERM, masks, head, fine-tuned) the one with the best worst cell on validation.",
    kind="method",
    stages=stages,
    fixed=PRUSC.fixed,
)
