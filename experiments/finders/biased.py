"""Biased networks, which learn what is easy: their mistakes contradict the shortcut."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.biased import Biased, FindByBias
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Train biased networks in rounds."""
    return (FindByBias(config.section(Biased), config.model, config.compute),)


BIASED = Finder(
    name="biased",
    summary="Mistakes of networks that learn only what is easy, in rounds: one round for each shortcut.",
    stages=stages,
    cheap=True,
)
