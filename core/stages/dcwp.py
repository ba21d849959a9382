"""Stages of DCWP: repeat the conflict samples, and learn masks with the debiased contrastive loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from core.artifacts import BALANCED
from core.config import Prune, Section
from core.config.section import Count
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Balanced, StageStarted
from core.stages.prune import LearnMasks

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.context import StageContext
    from core.pruning.learner import MaskLearner
    from core.pruning.masks import MaskedNetwork
    from core.training.images import Images


class Dcwp(Section, section="dcwp"):
    """Recipe `dcwp`: Debiased Contrastive Weight Pruning (arXiv 2210.05247)."""

    weight: Count | Literal["auto"] = "auto"
    """Weight of a conflict sample (DCWP: 80 to 10, the fewer the more); `auto`: together half that of all others."""


@dataclass(frozen=True)
class RepeatConflicts(Stage):
    """Take all training samples, and the conflict samples as often as they weigh."""

    dcwp: Dcwp
    name: ClassVar[str] = "balance"
    files: ClassVar[Mapping[str, str]] = {r"balanced\.safetensors": "indices of all samples, conflict samples repeated"}

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("find",)

    def run(self, context: "StageContext") -> None:
        import torch

        from core.clustering.composition import composition
        from core.finding.pseudo_groups import PseudoGroups
        from core.pruning.upweight import repeated, usual_weight
        from core.tensors import save_tensors

        context.emit(StageStarted(context.stage, 1))
        found = PseudoGroups.load(context.input("find"))
        if not found.conflicts.any():
            raise StageError(
                f"the finder ({found.source}) found no sample that contradicts a shortcut", "try another one (find.by)"
            )
        weight = usual_weight(found.conflicts) if self.dcwp.weight == "auto" else self.dcwp.weight
        indices = repeated(found.conflicts, weight)
        labels, n_classes = context.data.splits["train"].labels[indices], len(context.data.label_names)
        table = composition(found.train[indices], labels, len(found.names), n_classes)
        context.emit(Balanced(context.stage, f"conflict samples × {weight}", len(indices), table.tolist()))
        tensors = {"indices": torch.from_numpy(indices), "weights": torch.ones(len(indices))}
        save_tensors(context.directory / BALANCED, tensors)
        context.progress(1, 1)


@dataclass(frozen=True)
class LearnDebiasedMasks(LearnMasks):
    """Learn mask logits with the contrastive loss over conflict samples instead of pseudo-groups."""

    @property
    def reads(self) -> tuple[str, ...]:
        used = (f"prune.{name}" for name in Prune.model_fields if name != "negatives")
        return (*used, "model.name", "select", "compute")

    def _learner(
        self, context: "StageContext", masked: "MaskedNetwork", entries: "Mapping[str, Tensor]", validation: "Images"
    ) -> "MaskLearner":
        import torch

        from core.finding.pseudo_groups import PseudoGroups
        from core.pruning.learner import DebiasedMaskLearner

        conflicts = torch.from_numpy(PseudoGroups.load(context.input("find")).conflicts)
        return DebiasedMaskLearner(context, masked, self.prune, self.compute, entries, conflicts, validation)
