"""Stage `permute`: the masks of `prune` with weights, or channels, in random order within each layer: a control."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import BALANCED, MASKED_FILES, MASKS, MODEL
from core.config import Model, Prune
from core.engine.stage import Stage
from core.events import MasksKept, StageStarted

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class PermuteMasks(Stage):
    """Apply randomly permuted masks to the network of ERM: as sparse in every layer, but with other weights kept.

    Masks of channels stay whole: other channels are kept, as many in every layer, so that the network is as small.
    Unless `prune.batchnorm` is `frozen`, BatchNorm statistics are recomputed on the balanced set, as after `prune`.
    """

    prune: Prune
    model: Model
    name: ClassVar[str] = "permute"
    version: ClassVar[int] = 3
    files: ClassVar[Mapping[str, str]] = MASKED_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", "find", "balance", "prune")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("prune.batchnorm", "prune.structure", "model.name")

    def run(self, context: "StageContext") -> None:
        from core.pruning.batchnorm import batches_of, recompute_statistics
        from core.pruning.channels import permuted_channels
        from core.pruning.subnetwork import FixedMasks
        from core.tensors import load_tensors, save_tensors
        from core.training.images import split_images, validation_images
        from core.training.network import load_network
        from core.training.predict import batch_size, final_evaluation

        context.emit(StageStarted(context.stage, 1))
        network = load_network(self.model, context.data, context.input("erm") / MODEL, context.device)
        masks, generator = FixedMasks.load(context.input("prune") / MASKS), context.generator("permute")
        if self.prune.structure == "channels":
            masks = FixedMasks(permuted_channels(network, masks.masks, generator))
        else:
            masks = masks.permuted(generator)
        masks.to(context.device).apply_(network)
        if self.prune.batchnorm != "frozen":
            train = split_images(context, "train")
            rows = load_tensors(context.input("balance") / BALANCED)["indices"]
            parts = batches_of(rows, batch_size(train))
            recompute_statistics(network, (train.plain(part) for part in parts))
        save_tensors(context.directory / MODEL, network.state_dict())
        masks.save(context.directory / MASKS)
        context.emit(MasksKept(context.stage, masks.keep_ratio()))
        context.progress(1, 1)
        validation, test = validation_images(context), split_images(context, "test")
        final_evaluation(context, network, 1, {"validation": validation, "test": test})
