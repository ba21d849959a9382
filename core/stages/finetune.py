"""Stage `finetune`: train the network, or the subnetwork of the masks, on the balanced set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import BALANCED, MASKED_FILES, MASKS, MODEL
from core.config import Compute, Finetune, Model, Select
from core.engine.stage import Stage, Supervision
from core.events import MasksKept

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class FinetuneNetwork(Stage):
    """Fine-tune the network of an earlier stage; its masks, if any, stay fixed.

    Attributes:
        source: stage whose network is fine-tuned, `prune` or `erm`.
    """

    finetune: Finetune
    model: Model
    select: Select
    source: str
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "finetune"
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = MASKED_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        before = ("erm", "find") if self.source == "erm" else ("erm", "find", self.source)
        return (*before, "balance") if self.finetune.data == "balanced" else before

    @property
    def supervision(self) -> Supervision:
        return "labels" if self.finetune.data == "validation" else "none"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("finetune", "model.name", "select", "compute")

    def run(self, context: "StageContext") -> None:
        import torch

        from core.pruning.subnetwork import FixedMasks
        from core.tensors import load_tensors, save_tensors
        from core.training.finetune import FinetuneLearner
        from core.training.images import split_images, training_images, validation_images
        from core.training.loop import run_loop
        from core.training.network import load_network
        from core.training.predict import final_evaluation

        data, source = context.data, context.input(self.source)
        network = load_network(self.model, data, source / MODEL, context.device)
        masks = FixedMasks.load(source / MASKS) if (source / MASKS).exists() else None
        test = split_images(context, "test")
        if self.finetune.data == "balanced":
            images, validation = training_images(context), validation_images(context)
            entries = load_tensors(context.input("balance") / BALANCED)
        else:
            images = validation = training_images(context, "validation")  # evaluation is never augmented
            entries = {"indices": torch.arange(len(validation)), "weights": torch.ones(len(validation))}
        learner = FinetuneLearner(context, network, masks, self.finetune, self.compute, images, entries, validation)
        per_epoch = len(entries["indices"]) / learner.batch_size
        selection = run_loop(
            context,
            learner,
            steps=self.finetune.steps,
            per_epoch=per_epoch,
            select=self.select,
            batch_size=learner.batch_size,
        )
        network.load_state_dict(selection.network)
        save_tensors(context.directory / MODEL, network.state_dict())
        if masks is not None:
            masks.to("cpu").save(context.directory / MASKS)
            context.emit(MasksKept(context.stage, masks.keep_ratio()))
        final_evaluation(context, network.eval(), selection.step, {"validation": validation, "test": test})
