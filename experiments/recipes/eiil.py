"""EIIL: infer the environments in which an ERM network looks least invariant, then train by IRM (arXiv 2010.07249)."""

from core.config import Config
from core.engine.stage import Stage
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Train the reference as the final network, but by ERM; split the samples by its mistakes; train by IRM."""
    from core.stages.environments import InferByEiil
    from core.stages.members import TrainMembers, TrainReference, reference_of

    reference = reference_of(config.train)
    return (
        TrainReference(reference, config.select),
        InferByEiil(config.environments, reference),
        TrainMembers(config.train, config.select),
    )


EIIL = Recipe(
    name="eiil",
    summary="EIIL: environments from the mistakes of an ERM network, then IRM. The rival without annotations.",
    stage_names=("reference", "environments", "train"),
    stages=stages,
    fixed={"train.objective": "irm", "environments.reference": "erm"},
    preset="irm-demo",
)
