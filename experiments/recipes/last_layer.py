"""Control: refit the linear head on the balanced set, with ERM's representation unchanged.

The head is that of DFR (Kirichenko, Izmailov and Wilson, ICLR 2023, arXiv 2204.02937); what is published and ours: see
`prusc_head`. Supervision: none, unless the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.head import Head, RefitHead
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_balanced_set


def stages(config: Config) -> tuple[Stage, ...]:
    """Draw the balanced set as PruSC does and fit a logistic regression on its representation."""
    return (*to_balanced_set(config), RefitHead(config.section(Head), config.balance, config.model))


LAST_LAYER = Recipe(
    name="last-layer",
    summary="Control: refit the linear head on the balanced set. Is the representation already good enough?",
    kind="control",
    equations=(equations.HEAD,),
    source=f"after {equations.PAPER_DFR}, on pseudo-groups (ours)",
    stages=stages,
    fixed=PRUSC.fixed,
)
