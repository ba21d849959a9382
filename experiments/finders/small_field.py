"""A network of small receptive field, which learns local cues: colours, textures, patches.

The idea is that of BagNets (Brendel and Bethge, arXiv 1904.00760), and of Bahng et al. (arXiv 1910.02806), who take a
network of small receptive field as biased reference. Ours: the network, and the mistakes of finder `biased` as conflict
samples, in one round. `auto` does not try it, as it is measured on digits alone. Supervision: none.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.small_field import FindBySmallField, SmallField
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Train the network."""
    return (FindBySmallField(config.section(SmallField), config.model, config.compute),)


SMALL_FIELD = Finder(
    name="small-field",
    summary="Mistakes of a network that sees only small parts of the image: colours, textures, patches.",
    stages=stages,
)
