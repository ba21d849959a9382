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
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from core.engine.context import StageContext
    from core.pruning.learner import MaskLearner
    from core.pruning.masks import MaskedNetwork
    from core.training.images import Images


SHARE = 0.5
"""Total weight of the conflict samples, as a multiple of that of all others, if it is not given."""


class Dcwp(Section, section="dcwp"):
    """Recipe `dcwp`: Debiased Contrastive Weight Pruning (arXiv 2210.05247)."""

    weight: Count | Literal["auto"] = "auto"
    """Weight of a conflict sample (DCWP: 80 if 0.5 % are conflict samples, down to 10 if 5 % are); `auto`: all conflict
    samples together weigh half as much as all others."""


@dataclass(frozen=True)
class RepeatConflicts(Stage):
    """Take all training samples in pseudo-groups, the conflict samples as often as their weight says.

    The mean loss is then the weighted loss; unlike weights, repeats also bring conflict samples into every batch.
    """

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
        from core.tensors import save_tensors
        from core.training.draw import upweighted

        context.emit(StageStarted(context.stage, 1))
        found = PseudoGroups.load(context.input("find"))
        if not found.conflicts.any():
            raise StageError(
                f"the finder ({found.source}) found no sample that contradicts a shortcut", "try another one (find.by)"
            )
        conflicts = found.conflicts[found.used]
        weight = usual_weight(conflicts) if self.dcwp.weight == "auto" else self.dcwp.weight
        indices = found.used[upweighted(torch.from_numpy(conflicts), weight).rows.numpy()]
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


def usual_weight(conflicts: "NDArray[np.bool_]") -> int:
    """Weight with which the conflict samples, of which there is at least one, count half as much as all others.

    DCWP's authors choose 80, 50, 30 and 10 where 0.5, 1, 2 and 5 % are conflict samples; this gives 100, 50, 24, 10.

    Args:
        conflicts: whether each sample contradicts the shortcut, [n].
    """
    count = int(conflicts.sum())
    return max(1, round(SHARE * (len(conflicts) - count) / count))
