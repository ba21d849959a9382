"""The engine of this process: every run hosted here is one of its jobs (no torch before the first one)."""

from typing import TYPE_CHECKING

from core.engine.engine import Engine
from experiments.beside import beside

if TYPE_CHECKING:
    from core.config import Config
    from core.engine.engine import Job
    from core.engine.stage import Pipeline


def _build(config: "Config") -> "Pipeline":
    from experiments.plan import build_pipeline

    return build_pipeline(config)


def _spread(job: "Job") -> str:
    from experiments.torchrun import host

    return host(job)


ENGINE = Engine(_build, beside, _spread)
