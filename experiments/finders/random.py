"""Random pseudo-groups: a control."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.random_groups import DrawGroups, Random
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Draw the pseudo-groups."""
    return (DrawGroups(config.section(Random)),)


RANDOM = Finder(
    name="random", summary="Random pseudo-groups: a control that shows whether finding matters.", stages=stages
)
