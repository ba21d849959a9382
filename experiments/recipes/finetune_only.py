"""Control: fine-tune the whole network on the balanced set, with nothing pruned.

Ours, with the settings of PruSC's fine-tuning (see `prusc_finetune`), so that only the masks differ. Supervision: none,
unless select.rule or the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.finetune import FinetuneNetwork
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_balanced_set


def stages(config: Config) -> tuple[Stage, ...]:
    """Draw the balanced set as PruSC does and fine-tune ERM's network on it at the same learning rate."""
    return (
        *to_balanced_set(config),
        FinetuneNetwork(config.finetune, config.model, config.select, source="erm", compute=config.compute),
    )


FINETUNE_ONLY = Recipe(
    name="finetune-only",
    summary="Control: fine-tune on the balanced set, nothing pruned. What does pruning add?",
    kind="control",
    equations=(equations.FINETUNE_ALL,),
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed=PRUSC.fixed,
)
