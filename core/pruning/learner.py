"""Steps on mask logits: cross-entropy, the contrastive loss over pseudo-groups, and sparsity."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.config import Compute, Prune
from core.data.dataset import DataSet
from core.events import Sparsity
from core.groups import Evaluation
from core.parallel import team
from core.pruning.batchnorm import batches_of, recompute_statistics, training_mode
from core.pruning.contrast import contrastive_loss, debiased_contrastive_loss
from core.pruning.masks import MaskedNetwork
from core.pruning.schedule import LEAST, confine_, count_of, next_pressure, scheduled_share
from core.training.augment import on_device
from core.training.gradient import Gradient, Losses, Outputs
from core.training.images import Images, training_images
from core.training.order import Order
from core.training.predict import Predictions, batch_size, count_groups, predict

if TYPE_CHECKING:
    from core.engine.context import StageContext


class MaskLearner:
    """Takes steps on the mask logits of a frozen network.

    Args:
        context: of the stage.
        masked: the network with its mask logits.
        settings: steps, batches and losses.
        compute: precision and batch parts.
        entries: of the balanced set: `indices` int64 [m] into the training split, `weights` float32 [m].
        groups: pseudo-group of every training image, int64 [n].
        validation: the validation split.
    """

    def __init__(
        self,
        context: "StageContext",
        masked: MaskedNetwork,
        settings: Prune,
        compute: Compute,
        entries: Mapping[str, Tensor],
        groups: Tensor,
        validation: Images,
    ) -> None:
        self._context = context
        self._data: DataSet = context.data
        self._masked = masked
        self._settings = settings
        self._validation = validation
        self._train = training_images(context)
        self._rows = entries["indices"]
        rows = self._rows.to(context.device)
        self._labels = self._train.labels[rows]
        self._weights = entries["weights"].to(context.device)
        self._groups = groups.to(context.device)[rows]
        self._optimizer = torch.optim.Adam([masked.logits], settings.lr, fused=True)
        self._gradient = Gradient(context, compute, masked.network, "prune.batch_size")
        self._noise = context.generator("mask", context.device)
        self.batch_size = min(settings.batch_size, len(self._rows))
        self._samples = min(settings.samples, self.batch_size)
        self._order = Order(len(self._rows), self.batch_size, context.generator("order"))
        self.steps_per_epoch = len(self._rows) / self.batch_size
        self._anchors = torch.zeros((), device=context.device)
        self._pressure: float | Tensor = settings.sparsity_weight
        if settings.keep != "none":
            self._pressure = torch.tensor(max(LEAST, settings.sparsity_weight), device=context.device)
        self._candidate: dict[str, Tensor] = {}
        self._step = 0

    def step(self) -> Mapping[str, Tensor]:
        training_mode(self._masked.network, self._settings.batchnorm)
        drawn = self._order.next()
        share = team().share(slice(0, len(drawn)))
        pixels = self._train.pixels(self._rows[drawn], share)
        if self._train.travels:
            self._train.ahead(self._rows[self._order.peek()][share])
        entries = on_device(drawn, pixels.device)
        size = math.ceil(len(pixels) / self._samples)
        losses = self._gradient.parts.attempt(size, lambda: self._backward(pixels, entries))
        if self._masked.logits.grad is not None:
            team().sum_(self._masked.logits.grad)  # one flat parameter: all that DistributedDataParallel would do
        self._gradient.precision.unscale(self._optimizer)
        self._masked.add_sparsity_gradient(self._pressure)
        self._gradient.precision.step(self._optimizer)
        self._anchors = self._anchors + losses.pop("anchors", 0)
        self._step += 1
        if self._settings.keep != "none":
            self._aim(self._settings.keep)
        del losses["loss"]
        return losses

    def _aim(self, target: float) -> None:
        """Make the share of weights kept follow the schedule: at least the target, and exactly that at the end."""
        logits, steps = self._masked.logits, self._settings.steps
        total, least = len(logits), count_of(target, len(logits))
        confine_(logits, least, least if self._step == steps else total)
        share, wanted = (logits.detach() >= 0).float().mean(), scheduled_share(target, self._step, steps)
        lowest = max(LEAST, self._settings.sparsity_weight)
        assert isinstance(self._pressure, Tensor)
        self._pressure = next_pressure(self._pressure, share, wanted, steps, lowest)

    def _backward(self, pixels: Tensor, entries: Tensor) -> dict[str, Tensor]:
        """Gradient of the mean over masks, each on its share of the batch; returns losses and number of anchors."""
        self._optimizer.zero_grad(set_to_none=True)
        n = len(entries)
        total: dict[str, Tensor] = {}
        for i in range(self._samples):
            samples = slice(i * n // self._samples, (i + 1) * n // self._samples)
            share = (samples.stop - samples.start) / n
            for name, loss in self._under_one_mask(samples, share, pixels, entries).items():
                total[name] = total.get(name, 0) + (loss if name == "anchors" else share * loss)
        return total

    def _under_one_mask(self, samples: slice, share: float, pixels: Tensor, entries: Tensor) -> dict[str, Tensor]:
        sampled = self._masked.sample(self._noise)
        # Leaves accumulate the gradients of all parts, so that the backward pass to the logits runs once.
        weights = {name: weight.detach().requires_grad_() for name, weight in sampled.items()}

        def forward(rows: slice) -> Outputs:
            return self._masked.under(weights, pixels[rows])

        def losses(outputs: Outputs, positions: slice) -> Losses:
            logits, representation = outputs
            return self._losses(logits, representation, entries[positions])

        additive = self._settings.contrast_weight == 0
        found = self._gradient.backward(samples, forward, losses, additive=additive, share=share)
        used = [name for name, weight in weights.items() if weight.grad is not None]
        torch.autograd.backward([sampled[name] for name in used], [weights[name].grad for name in used])
        return found

    def _losses(self, logits: Tensor, representation: Tensor, entries: Tensor) -> Losses:
        settings, labels = self._settings, self._labels[entries]
        cross_entropy = F.cross_entropy(logits.float(), labels, reduction="none")
        loss = (cross_entropy * self._weights[entries]).mean()
        losses = {"cross-entropy": loss, "loss": loss}
        if settings.contrast_weight > 0:
            contrast, anchors = self.contrast(representation, labels, self._groups[entries])
            losses["loss"] = loss + settings.contrast_weight * contrast
            losses["contrast"], losses["anchors"] = contrast, anchors
        return losses

    def contrast(self, representation: Tensor, labels: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Contrastive loss of representations [batch, d] with labels and groups [batch], and its number of anchors."""
        settings = self._settings
        return contrastive_loss(representation, labels, groups, settings.contrast_temperature, settings.negatives)

    def look(self) -> Sequence[Evaluation]:
        """Evaluate the thresholded network, then restore the training's BatchNorm statistics."""
        network = self._masked.network
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        try:
            predictions = self._hard_predictions()
        finally:
            with torch.no_grad():
                for name, buffer in network.named_buffers():
                    buffer.copy_(buffers[name])
        return [count_groups(predictions.classes, self._validation, self._data, "validation")]

    def _hard_predictions(self) -> Predictions:
        """Predictions of the thresholded network for the validation split; keeps it as the candidate."""
        network = self._masked.network
        if self._settings.batchnorm == "recompute":
            parts = batches_of(self._rows, batch_size(self._train))
            recompute_statistics(network, map(self._plain, parts), self._masked.hard)
        network.eval()
        self._candidate = {
            **{f"model/{name}": tensor for name, tensor in self._masked.subnetwork_state().items()},
            **{f"mask/{name}": mask for name, mask in self._masked.hard_masks().items()},
        }
        predictions = predict(lambda pixels: self._masked.hard(pixels)[0], self._validation)
        ratios = self._masked.layer_keep_ratios()
        self._context.emit(Sparsity(self._context.stage, self._step, self._masked.keep_ratio(), ratios))
        return predictions

    def _plain(self, rows: Tensor) -> Tensor:
        """This process's share of a batch of training images, for the statistics of BatchNorm."""
        self._context.between_batches()
        return self._train.plain(rows[team().share(slice(0, len(rows)))])

    def network(self, member: int = 0) -> Mapping[str, Tensor]:
        del member
        return self._candidate

    def anchors(self) -> float:
        """Total number of anchors of the contrastive loss so far."""
        return self._anchors.item()

    def state_dict(self) -> dict[str, Any]:
        return {
            "logits": self._masked.logits.detach(),
            "buffers": dict(self._masked.network.named_buffers()),
            "optimizer": self._optimizer.state_dict(),
            "order": self._order.state_dict(),
            "gradient": self._gradient.state_dict(),
            "anchors": self._anchors,
            "pressure": self._pressure,
            "step": self._step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self._masked.logits.copy_(state["logits"])
            for name, buffer in self._masked.network.named_buffers():
                buffer.copy_(state["buffers"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self._order.load_state_dict(state["order"])
        self._gradient.load_state_dict(state["gradient"])
        self._anchors = state["anchors"].to(self._anchors.device)
        pressure = state["pressure"]
        self._pressure = pressure.to(self._anchors.device) if isinstance(pressure, Tensor) else pressure
        self._step = state["step"]


class DebiasedMaskLearner(MaskLearner):
    """The same with the contrastive loss of DCWP; the groups are 1 for conflict samples and 0 for all others."""

    def contrast(self, representation: Tensor, labels: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        return debiased_contrastive_loss(representation, labels, groups.bool(), self._settings.contrast_temperature)


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Split the result of `MaskLearner.network` into `model` (tensors) and `mask` (masks by parameter)."""
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "mask": {}}
    for name, tensor in tensors.items():
        part, _, key = name.partition("/")
        parts[part][key] = tensor
    return parts
