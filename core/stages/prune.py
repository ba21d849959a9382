"""Stage `prune`: learn on the balanced set which weights of the frozen network to keep."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import BALANCED, MASKED_FILES, MASKS, MODEL
from core.config import Compute, Model, Prune, Select
from core.engine.stage import Stage
from core.events import Sparsity, Warned

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.context import StageContext
    from core.pruning.learner import MaskLearner
    from core.pruning.masks import MaskedNetwork
    from core.training.images import Images


@dataclass(frozen=True)
class LearnMasks(Stage):
    """Learn mask logits with cross-entropy, the contrastive loss over pseudo-groups and sparsity; keep logits ≥ 0.

    In `model.safetensors`, weights that are not kept are 0.
    """

    prune: Prune
    model: Model
    select: Select
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "prune"
    version: ClassVar[int] = 2
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = MASKED_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", "find", "balance")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("prune", "model.name", "select", "compute")

    def run(self, context: "StageContext") -> None:
        from core.pruning.learner import unpack
        from core.pruning.masks import MaskedNetwork
        from core.pruning.subnetwork import FixedMasks
        from core.tensors import load_tensors, save_tensors
        from core.training.images import split_images, validation_images
        from core.training.loop import run_loop
        from core.training.network import load_network
        from core.training.predict import final_evaluation

        data = context.data
        network = load_network(self.model, data, context.input("erm") / MODEL, context.device)
        validation, test = validation_images(context), split_images(context, "test")
        masked = MaskedNetwork(
            network,
            init=self.prune.init,
            gradient=self.prune.gradient,
            temperature=self.prune.temperature,
            exclude=self.prune.exclude,
            structure=self.prune.structure,
        )
        entries = load_tensors(context.input("balance") / BALANCED)
        learner = self._learner(context, masked, entries, validation)
        # With a target, only the last step has reached it.
        select = self.select if self.prune.keep == "none" else self.select.model_copy(update={"rule": "last"})
        selection = run_loop(
            context,
            learner,
            steps=self.prune.steps,
            per_epoch=learner.steps_per_epoch,
            select=select,
            batch_size=learner.batch_size,
        )
        chosen = unpack(selection.network)
        network.load_state_dict(chosen["model"])
        masks = FixedMasks({name: mask.bool() for name, mask in chosen["mask"].items()})
        ratios = masks.layer_keep_ratios()
        context.emit(Sparsity(context.stage, selection.step, masks.keep_ratio(), ratios))
        for code, text in self._warnings(masks.keep_ratio(), ratios, learner.anchors()):
            context.emit(Warned(context.stage, code, text))
        save_tensors(context.directory / MODEL, network.state_dict())
        masks.to("cpu").save(context.directory / MASKS)
        final_evaluation(context, network.eval(), selection.step, {"validation": validation, "test": test})

    def _learner(
        self, context: "StageContext", masked: "MaskedNetwork", entries: "Mapping[str, Tensor]", validation: "Images"
    ) -> "MaskLearner":
        import torch

        from core.finding.pseudo_groups import PseudoGroups
        from core.pruning.learner import MaskLearner

        groups = torch.from_numpy(PseudoGroups.load(context.input("find")).train)
        return MaskLearner(context, masked, self.prune, self.compute, entries, groups, validation)

    def _warnings(self, keep_ratio: float, ratios: Mapping[str, float], anchors: float) -> Iterator[tuple[str, str]]:
        """Code and text of all warnings; `anchors` is the total number of anchors of the contrastive loss."""
        if keep_ratio == 1:
            yield (
                "nothing-pruned",
                "Keep ratio is still 100 %: no logit fell below 0, so nothing was pruned; "
                "raise prune.lr × prune.steps (about 10 × prune.init) or prune.sparsity_weight.",
            )
        if dead := [name for name, ratio in ratios.items() if ratio == 0]:
            yield "dead-layer", f"No weight is left in {', '.join(dead)}; lower prune.sparsity_weight or prune.lr."
        if self.prune.contrast_weight > 0 and anchors == 0:
            yield (
                "no-anchors",
                "No sample ever had both a positive and a negative, so the contrastive loss did nothing; "
                "raise prune.batch_size or try another finder (find.by).",
            )
