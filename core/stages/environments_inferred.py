"""Stage `environments` of IRM without annotations: from the samples that contradict the shortcut."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.config import Environments as Settings
from core.engine.stage import KEY_NAME
from core.events import StageStarted
from core.stages.environments import MakeEnvironments, save

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class InferEnvironments(MakeEnvironments):
    """Environments from the conflict samples of the pseudo-groups.

    Attributes:
        environments: settings.
        random: replace every sample by a random one of the same label: a control that keeps only sizes and labels.
    """

    environments: Settings
    random: bool = field(default=False, metadata={KEY_NAME: "lot"})

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("find",)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("environments.rule", "environments.shares")

    def run(self, context: "StageContext") -> None:
        from core.finding.pseudo_groups import PseudoGroups
        from core.invariance.environments import Environments, at_random, infer, require_two

        context.emit(StageStarted(context.stage, 1))
        settings, labels = self.environments, context.data.splits["train"].labels
        groups = PseudoGroups.load(context.input("find"))
        seed = context.streams.seed("environments")
        used = groups.used
        found = infer(
            settings.rule, groups.conflicts[used], groups.train[used], labels[used], seed=seed, shares=settings.shares
        )
        found = Environments(found.names, tuple(used[samples] for samples in found.samples))
        require_two(found)
        if self.random:
            drawn = at_random(found, labels, seed=context.streams.seed("lot"))
            save(context, drawn, f"random, sizes and labels as with {settings.rule}")
        else:
            save(context, found, f"{groups.source}, rule {settings.rule}", groups.conflicts)
