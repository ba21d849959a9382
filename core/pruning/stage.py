"""Stage `prune`: learn on the balanced set which weights of the frozen network to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from core.clustering.stages import BALANCED, CLUSTERS
from core.config import Model, Prune, Select
from core.data.dataset import DataSet
from core.engine.checkpoints import load_tensors, save_tensors
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.evaluation.predict import BATCH, count_groups, evaluate_for_good, predict
from core.events import Sparsity, Warned
from core.groups import Evaluation
from core.pruning.batchnorm import recompute_statistics, training_mode
from core.pruning.contrast import contrastive_loss
from core.pruning.masks import MaskedNetwork
from core.pruning.subnetwork import FixedMasks
from core.training.erm import MODEL, load_network
from core.training.images import Images
from core.training.loop import run_loop
from core.training.order import Order

MASKS = "masks.safetensors"
"""Name of the masks' file among the artifacts of a stage."""


@dataclass(frozen=True)
class LearnMasks:
    """Learn mask logits under cross-entropy, the contrastive loss over clusters and sparsity; keep where logit ≥ 0.

    Artifacts: `model.safetensors` with zeros where masked, `masks.safetensors`, `predictions-*.safetensors`.
    """

    prune: Prune
    model: Model
    select: Select
    name: ClassVar[str] = "prune"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("erm", "cluster", "balance")

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        data = context.data
        network = load_network(self.model, data, context.input("erm") / MODEL, context.device)
        validation, test = (Images(data, split, context.device) for split in ("validation", "test"))
        masked = MaskedNetwork(
            network,
            init=self.prune.init,
            gradient=self.prune.gradient,
            temperature=self.prune.temperature,
            exclude=self.prune.exclude,
        )
        learner = _Learner(context, masked, self.prune, validation)
        selection = run_loop(
            context, learner, steps=self.prune.steps, per_epoch=learner.steps_per_epoch, select=self.select
        )
        chosen = _unpack(selection.network)
        network.load_state_dict(chosen["model"])
        masks = FixedMasks({name: mask.bool() for name, mask in chosen["mask"].items()})
        self._report(context, learner, masks, selection.step)
        save_tensors(context.directory / MODEL, network.state_dict())
        masks.to("cpu").save(context.directory / MASKS)
        evaluations = evaluate_for_good(
            context, network.eval(), selection.step, {"validation": validation, "test": test}
        )
        return StageResult(evaluations, masks.keep_ratio(), selection.report())

    def _report(self, context: StageContext, learner: "_Learner", masks: FixedMasks, step: int) -> None:
        ratios = masks.layer_keep_ratios()
        context.emit(Sparsity(context.stage, step, masks.keep_ratio(), ratios))
        if masks.keep_ratio() == 1:
            text = (
                "Keep ratio is still 100 %: no logit fell below 0, so nothing was pruned; "
                "raise prune.lr × prune.steps (about 10 × prune.init) or prune.sparsity_weight."
            )
            context.emit(Warned(context.stage, "nothing-pruned", text))
        if dead := [name for name, ratio in ratios.items() if ratio == 0]:
            text = f"No weight is left in {', '.join(dead)}; lower prune.sparsity_weight or prune.lr."
            context.emit(Warned(context.stage, "dead-layer", text))
        if self.prune.contrast_weight > 0 and learner.anchors() == 0:
            text = (
                "No sample ever had both a positive and a negative, so the contrastive loss did nothing; "
                "raise prune.batch_size or take fewer clusters (cluster.k)."
            )
            context.emit(Warned(context.stage, "no-anchors", text))


class _Learner:
    def __init__(self, context: StageContext, masked: MaskedNetwork, settings: Prune, validation: Images) -> None:
        self._context = context
        self._data: DataSet = context.data
        self._masked = masked
        self._settings = settings
        self._validation = validation
        self._train = Images(context.data, "train", context.device)
        entries = load_tensors(context.input("balance") / BALANCED)
        self._indices = entries["indices"].to(context.device)
        self._weights = entries["weights"].to(context.device)
        self._clusters = load_tensors(context.input("cluster") / CLUSTERS)["assignments"].to(context.device)
        self._optimizer = torch.optim.Adam([masked.logits], settings.lr, fused=True)
        self._noise = context.generator("mask", context.device)
        batch_size = min(settings.batch_size, len(self._indices))
        self._order = Order(len(self._indices), batch_size, context.generator("order"))
        self.steps_per_epoch = len(self._indices) / batch_size
        self._anchors = torch.zeros((), device=context.device)
        self._candidate: dict[str, Tensor] = {}
        self._step = 0

    def step(self) -> Mapping[str, Tensor]:
        settings = self._settings
        training_mode(self._masked.network, settings.batchnorm)
        entries = self._order.next().to(self._indices.device)
        rows = self._indices[entries]
        labels = self._train.labels[rows]
        logits, representation = self._masked(self._train.pixels(rows), self._noise)
        loss = cross_entropy = (F.cross_entropy(logits, labels, reduction="none") * self._weights[entries]).mean()
        losses = {"cross-entropy": cross_entropy.detach()}
        if settings.contrast_weight > 0:
            contrast, anchors = contrastive_loss(
                representation, labels, self._clusters[rows], settings.contrast_temperature, settings.negatives
            )
            loss = cross_entropy + settings.contrast_weight * contrast
            losses["contrast"] = contrast.detach()
            self._anchors = self._anchors + anchors
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._masked.add_sparsity_gradient(settings.sparsity_weight)
        self._optimizer.step()
        self._step += 1
        return losses

    def look(self) -> Sequence[Evaluation]:
        """Evaluate the thresholded network; the statistics that the training follows are put back afterwards."""
        network = self._masked.network
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        if self._settings.batchnorm == "recompute":
            batches = (self._train.pixels(rows) for rows in self._indices.split(BATCH))
            recompute_statistics(network, batches, self._masked.hard)
        network.eval()
        self._candidate = {
            **{f"model/{name}": tensor for name, tensor in self._masked.subnetwork_state().items()},
            **{f"mask/{name}": mask for name, mask in self._masked.hard_masks().items()},
        }
        predictions = predict(lambda pixels: self._masked.hard(pixels)[0], self._validation)
        ratios = self._masked.layer_keep_ratios()
        self._context.emit(Sparsity(self._context.stage, self._step, self._masked.keep_ratio(), ratios))
        with torch.no_grad():
            for name, buffer in network.named_buffers():
                buffer.copy_(buffers[name])
        return [count_groups(predictions.classes, self._validation, self._data, "validation")]

    def network(self, member: int = 0) -> Mapping[str, Tensor]:
        del member
        return self._candidate

    def anchors(self) -> float:
        """Anchors that the contrastive loss has had so far."""
        return self._anchors.item()

    def state_dict(self) -> dict[str, Any]:
        return {
            "logits": self._masked.logits.detach(),
            "buffers": dict(self._masked.network.named_buffers()),
            "optimizer": self._optimizer.state_dict(),
            "order": self._order.state_dict(),
            "anchors": self._anchors,
            "step": self._step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self._masked.logits.copy_(state["logits"])
            for name, buffer in self._masked.network.named_buffers():
                buffer.copy_(state["buffers"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self._order.load_state_dict(state["order"])
        self._anchors = state["anchors"].to(self._anchors.device)
        self._step = state["step"]


def _unpack(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "mask": {}}
    for name, tensor in tensors.items():
        part, _, key = name.partition("/")
        parts[part][key] = tensor
    return parts
