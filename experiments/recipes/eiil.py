"""EIIL: infer the environments in which an ERM network looks least invariant, then train by IRM (arXiv 2010.07249)."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_eiil import InferByEiil
from core.stages.reference import TrainReference, reference_of
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Train a reference like the final network, but by ERM; split the samples by its mistakes; train by IRM."""
    reference = reference_of(config.train)
    return (
        TrainReference(reference, config.select),
        InferByEiil(config.environments, reference),
        TrainMembers(config.train, config.select),
    )


EIIL = Recipe(
    name="eiil",
    title="EIIL",
    summary="EIIL: environments from the mistakes of an ERM network, then IRM. The rival without annotations.",
    kind="rival",
    equations=(equations.EIIL, equations.IRM),
    source=equations.PAPER_EIIL,
    stages=stages,
    fixed={"train.objective": "irm", "environments.reference": "erm"},
    preset="irm-demo",
)
