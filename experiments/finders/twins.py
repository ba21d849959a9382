"""Twin networks on one half of the data each: XRM (Pezeshki et al., ICML 2024, arXiv 2309.16748).

Published: at each step a twin trains on the images of its half, with the mean loss of each class; the label of an image
then changes to the class that the other twin predicts, with a probability that grows with its confidence. A training or
validation image on which either twin is wrong forms the environment of the conflicts. Optimiser settings are drawn at
random, and those with the most flipped labels are taken.

Ours: one fixed setting instead of the search; conflicts of the training split are by default the mistakes of the twin
that has not seen the image (`twins.mistakes=either` is the published rule, which always holds for validation); the
environments become an attribute, the wrong class that a twin predicts. Supervision: none.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.twins import FindByTwins, Twins
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Train the twins."""
    return (FindByTwins(config.section(Twins), config.model, config.compute),)


TWINS = Finder(
    name="twins",
    summary="Mistakes of twin networks on the half of the data that they have not seen, as in XRM.",
    stages=stages,
)
