"""Mistakes of an early checkpoint of ERM, as JTT takes them (arXiv 2107.09044)."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.errors import Errors, FindByErrors
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Predict the training images with the early checkpoint."""
    trained = None if config.model.checkpoint else config.erm
    return (FindByErrors(config.section(Errors), trained, config.model),)


ERRORS = Finder(
    name="errors",
    summary="Mistakes of an early checkpoint of ERM, as in JTT.",
    stages=stages,
    cheap=True,
)
