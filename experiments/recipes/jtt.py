"""JTT, just train twice: upweight the mistakes of an early network, and train again.

Liu, Haghgoo, Chen, Raghunathan, Koh, Sagawa, Liang and Finn, ICML 2021, arXiv 2107.09044. A network is trained by ERM
for few epochs; a second one is trained from scratch on all images, with its mistakes λ times as often. An epoch is a
pass over the enlarged set, so it has more steps than one of ERM. Published: λ and the epoch chosen by worst-group
accuracy on validation (Waterbirds: epoch 60 and λ 100; CelebA: epoch 1 and λ 50), the same learning rate and weight
decay for both networks. Ours: the early network is a checkpoint of ERM, epoch and λ are fixed (errors.epoch,
jtt.upweight), and any finder may take its place. Supervision: none, unless select.rule uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.jtt import Jtt, TrainUpweighted
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Find the conflict samples, and train from scratch with more of them."""
    upweight = config.section(Jtt)
    return (*to_groups(config), TrainUpweighted(config.erm, config.model, config.select, config.compute, upweight))


JTT = Recipe(
    name="jtt",
    title="JTT",
    summary="JTT: train again from scratch, with the mistakes of an early network drawn more often.",
    kind="rival",
    equations=("min over θ: Σ over i not in C of ℓᵢ + λ Σ over i in C of ℓᵢ",),
    source="JTT, arXiv 2107.09044",
    stages=stages,
    fixed=PRUSC.fixed,
    defaults={"find.by": "errors"},
)
