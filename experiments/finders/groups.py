"""The true groups: an oracle."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.true_groups import TakeTrueGroups
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Take the attributes of the data set."""
    del config
    return (TakeTrueGroups(),)


GROUPS = Finder(
    name="groups",
    summary="The true attributes of the data set: an oracle, for comparison (training attributes used).",
    stages=stages,
)
