"""Refit only the linear head on the balanced set: after the masks, after fine-tuning, or on ERM as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import BALANCED, MASKED_FILES, MASKS, MODEL
from core.config import Model, Section
from core.config.section import Weight
from core.engine.stage import Stage
from core.events import MasksKept, StageStarted

if TYPE_CHECKING:
    from core.engine.context import StageContext


class Head(Section, section="head"):
    """Stage `head`: refit the linear head on the balanced set."""

    penalty: Weight = 1e-3
    """L2 penalty per sample of the logistic regression."""


@dataclass(frozen=True)
class RefitHead(Stage):
    """Replace the head by a logistic regression on the representation of the balanced set.

    The representation is standardised for the fit, and the scaling folded into the head (as in deep feature
    reweighting, arXiv 2204.02937, which uses data with group labels instead of the balanced set). Masks of the layers
    before the head stay; the head is dense.

    Attributes:
        source: stage whose network gets the new head: `erm`, `prune` or `finetune`.
    """

    head: Head
    model: Model
    source: str = "erm"
    name: ClassVar[str] = "head"
    files: ClassVar[Mapping[str, str]] = MASKED_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        before = ("erm", "find") if self.source == "erm" else ("erm", "find", self.source)
        return (*before, "balance")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("head", "model.name")

    def run(self, context: "StageContext") -> None:
        from core.pruning.subnetwork import FixedMasks
        from core.tensors import load_tensors, save_tensors
        from core.training.head import fit_head, replace_head, represent
        from core.training.images import Images, validation_images
        from core.training.network import load_network
        from core.training.predict import final_evaluation

        context.emit(StageStarted(context.stage, 1))
        source = context.input(self.source)
        network = load_network(self.model, context.data, source / MODEL, context.device)
        entries = load_tensors(context.input("balance") / BALANCED)
        features = represent(network, Images(context.data, "train", context.device), entries["indices"])
        labels = context.data.splits["train"].labels[entries["indices"].numpy()]
        weight, bias = fit_head(features, labels, entries["weights"].numpy(), self.head.penalty)
        name = replace_head(network, weight, bias)
        save_tensors(context.directory / MODEL, network.state_dict())
        if (source / MASKS).exists():
            masks = FixedMasks.load(source / MASKS).dense(name)
            masks.save(context.directory / MASKS)
            context.emit(MasksKept(context.stage, masks.keep_ratio()))
        context.progress(1, 1)
        validation, test = validation_images(context), Images(context.data, "test", context.device)
        final_evaluation(context, network.eval(), 1, {"validation": validation, "test": test})
