"""Stage `environments` of IRM without annotations: from the samples that contradict their cluster."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.artifacts import CLUSTERS, features_file
from core.config import Environments as Settings
from core.events import StageStarted
from core.stages.environments import MakeEnvironments, save, warn

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class InferFromClusters(MakeEnvironments):
    """Environments from the samples whose label is not the majority label of their cluster.

    Attributes:
        environments: settings.
        lot: replace every sample by a random one of the same label: a control that keeps only sizes and labels.
    """

    environments: Settings
    lot: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("represent", "cluster")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("environments.rule", "environments.shares", "environments.relative")

    def run(self, context: "StageContext") -> None:
        from core.invariance.environments import at_random, conflict_samples, infer, require_two
        from core.invariance.makeup import reference_warning
        from core.tensors import load_tensors

        context.emit(StageStarted(context.stage, 1))
        labels = context.data.splits["train"].labels
        saved = load_tensors(context.input("cluster") / CLUSTERS)
        clusters = saved["assignments"].numpy()
        k, n_classes = saved["table"].shape
        classes = load_tensors(features_file(context.input("represent"), saved["epoch"].item()))["classes"].numpy()
        warn(context, [finding] if (finding := reference_warning(float((classes == labels).mean()))) else [])
        settings = self.environments
        conflicts = conflict_samples(clusters, labels, k, n_classes, relative=settings.relative)
        seed = context.streams.seed("environments")
        found = infer(settings.rule, conflicts, clusters, labels, seed=seed, shares=settings.shares)
        require_two(found)
        if self.lot:
            drawn = at_random(found, labels, seed=context.streams.seed("lot"))
            save(context, drawn, f"random, sizes and labels as with {settings.rule}")
        else:
            save(context, found, f"clusters, rule {settings.rule}", conflicts)
