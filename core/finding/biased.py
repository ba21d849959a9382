"""Training of biased networks, whose mistakes are the samples that contradict a shortcut."""

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.config import Compute
from core.finding.gce import generalised_cross_entropy
from core.parallel import team
from core.training.images import Images
from core.training.learner import WeightLearner
from core.training.optimizers import OptimizerSettings, make_optimizer
from core.training.order import Order
from core.training.predict import batch_size

if TYPE_CHECKING:
    from core.engine.context import StageContext

LOOKED_AT = 6_000
"""Maximum number of training samples on which the stability of the mistakes is measured."""
LEAST_LOOKED_AT = 1_500
"""At least this many are looked at, however large the images are."""
PIXELS_LOOKED_AT = LOOKED_AT * 28 * 28
"""Maximum number of pixels in these samples: looks at photographs would otherwise take longer than the training."""
KNOWS = 0.35
"""Largest share of mistakes in a class with which a network counts as trained: before, it may know only one class."""
SAME = 0.5
"""Overlap of the mistakes of two rounds above which both found the same shortcut."""
DECAY = 0.95
"""Decay per step of the moving average of the weights."""


class BiasedLearner(WeightLearner):
    """Trains a whole network with the generalised cross-entropy, and averages its weights over the last steps.

    Mistakes are those of the average: the mistakes of the network itself change too much from step to step.

    Args:
        context: of the stage.
        network: on its device; trained in place.
        settings: optimiser and learning rate.
        q: of the loss.
        per_step: images per step.
        compute: precision and batch parts.
        steps: number of steps, for the learning rate.
        train: the training split.
        validation: the validation split.
        weights: of the training samples in the order, float64 [n]; None for all samples once per pass.
        stream: random stream of the order.
        setting: name of the setting of `per_step`.
    """

    def __init__(
        self,
        context: "StageContext",
        network: nn.Module,
        settings: OptimizerSettings,
        q: float,
        per_step: int,
        compute: Compute,
        steps: int,
        train: Images,
        validation: Images,
        weights: Tensor | None,
        stream: str,
        setting: str = "biased.batch_size",
    ) -> None:
        self.setting = setting
        order = Order(len(train), per_step, context.generator(stream), weights)
        optimizer = make_optimizer(network.parameters(), settings, fused=compute.precision == "fp16")
        super().__init__(context, network, settings, compute, steps, optimizer, order, train, validation)
        self._q = q
        self.average = deepcopy(network).eval()

    def after_step(self) -> None:
        kept = min(DECAY, self._step / (self._step + 10))  # the first steps soon count for little
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self._network.state_dict().values(), strict=True)
            for mean, now in pairs:
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - kept)
                else:
                    mean.copy_(now)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "average": self.average.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.average.load_state_dict(state["average"])

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        return generalised_cross_entropy(logits, self._images.labels[drawn], self._q).mean()

    def mistakes(self, rows: Tensor) -> Tensor:
        """Whether the average is wrong on each of some training samples, bool [rows] on the CPU.

        Args:
            rows: int64 [rows] into the training split.
        """
        with torch.no_grad():
            wrong = [
                self._predicted(part) != self._images.labels[part.to(self._images.device)]
                for part in rows.split(batch_size(self._images))
            ]
        return torch.cat(wrong).cpu()

    def _predicted(self, rows: Tensor) -> Tensor:
        whole = slice(0, len(rows))
        mine = self._images.plain(rows[team().share(whole)])
        return team().joined(self.average(mine).argmax(1), whole)


def balancing_weights(labels: Tensor, predicted: Sequence[Tensor] = ()) -> Tensor:
    """Weights with which every (class, mistakes so far) is drawn equally often, float64 [n].

    Args:
        labels: int64 [n].
        predicted: classes that earlier networks predict, [networks] of int64 [n].
    """
    cell = labels
    for classes in predicted:
        cell = cell * 2 + (classes != labels)
    cell = cell.unique(return_inverse=True)[1]
    return 1 / torch.bincount(cell).double()[cell]


def sample_for_looks(n: int, pixels: int, seed: int) -> Tensor:
    """Draw the training samples on which mistakes are counted, in increasing order, int64.

    Args:
        n: training samples.
        pixels: of an image.
        seed: of the draw.
    """
    most = min(LOOKED_AT, max(LEAST_LOOKED_AT, PIXELS_LOOKED_AT // pixels))
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:most].sort().values


def look_after(step: int) -> int:
    """Step of the look after the one at `step`: 10 … 40 in tens, then 60, 80, 120, 160, 240, …, as 1.5 or 4/3 times."""
    if step < 40:
        return step + 10
    return step * 3 // 2 if (step // 10 & (step // 10 - 1)) == 0 else step * 4 // 3


def overlap(one: Tensor, other: Tensor) -> float:
    """Size of the intersection of two sets divided by that of their union (Jaccard); 0 for two empty sets.

    Args:
        one: bool [n], membership.
        other: bool [n].
    """
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 0.0


def knows_all_classes(wrong: Tensor, labels: Tensor) -> bool:
    """Whether few samples of every class are wrong (`KNOWS`); otherwise the network may know one class only.

    Args:
        wrong: bool [n], mistakes.
        labels: int64 [n].
    """
    sizes = torch.bincount(labels)
    mistakes = torch.bincount(labels[wrong], minlength=len(sizes))
    return bool((mistakes <= KNOWS * sizes).all())
