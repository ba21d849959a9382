"""PruSC as published: masks, then fine-tuning of the remaining weights.

Le, Schlötterer and Seifert, TMLR, arXiv 2407.14974; masks after Csordás et al., ICLR 2021, arXiv 2010.02066. Published,
partly as code: k-means on the representation of ERM's network (k 16 for Waterbirds, 8 for ISIC and ColoredMNIST); a
class-balanced set drawn from the clusters; one logit per weight, 1.5 at first, Adam at 0.01; a contrastive loss with
weight 0.1 and temperature 0.07, positives of the same class in other clusters, negatives in the same cluster; sparsity
5e-8 for CelebA; fine-tuning of what is kept, in the code on the validation split.

Ours: finder `biased` (find.by=clusters for theirs); the draw of the balanced set, which is not published, and
fine-tuning on it; negatives only of another class; logits from 2 with Adam at 0.1 for 200 steps; sparsity 1e-6; length
and rate of the fine-tuning. Supervision: none, unless select.rule or the finder uses groups.
"""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_subnetwork

PRUSC_FINETUNE = Recipe(
    name="prusc-finetune",
    summary="PruSC as published: always ends with fine-tuning, whatever validation says.",
    kind="method",
    equations=(equations.MASKS, equations.CONTRAST, equations.FINETUNE),
    source=equations.PAPER_PRUSC,
    stages=to_subnetwork,
    fixed=PRUSC.fixed,
)
