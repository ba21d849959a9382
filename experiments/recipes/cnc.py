"""CnC, Correct-n-Contrast: pull samples of a class together that an ERM network predicts differently.

Zhang, Sohoni, Zhang, Finn and Ré, ICML 2022, arXiv 2203.01517. The predictions of an ERM network (regularised or
stopped early) stand for the spurious attribute. A network is trained from scratch with λ times a supervised contrastive
loss plus 1 − λ times cross-entropy: an anchor's positives have its class and another prediction, its negatives have its
prediction and another class. Published: λ 0.75; temperature 0.05 or 0.1; batches of an anchor set, its positives, its
negatives and, for two-sided sampling, negatives of the positives, each of 16 to 64 images; no projection head; few
epochs with their own learning rate. Ours: a batch is balanced over (pseudo-group, label), which for two classes are
these four sets, and every pair in it counts; batch size and optimiser are those of ERM. Supervision: none, unless
select.rule or the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.cnc import Cnc, TrainContrastively
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Find the pseudo-groups, and train from scratch with cross-entropy and the contrastive loss between them."""
    cnc = config.section(Cnc)
    return (*to_groups(config), TrainContrastively(config.erm, config.model, config.select, config.compute, cnc))


CNC = Recipe(
    name="cnc",
    title="CnC",
    summary="Correct-n-Contrast: train again from scratch, contrasting samples of a class across pseudo-groups.",
    kind="rival",
    equations=("min over θ: λ L + (1 − λ) mean ℓ, batches balanced over cells", equations.CONTRAST),
    source="CnC, arXiv 2203.01517",
    stages=stages,
    fixed=PRUSC.fixed,
    defaults={"find.by": "errors"},
)
