"""Learning from failure: a debiased network that weights the samples on which a biased network fails.

Nam et al., NeurIPS 2020, arXiv 2007.02561.
"""

from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config import Compute
from core.finding.gce import generalised_cross_entropy
from core.models.pair import Pair
from core.training.images import Images
from core.training.learner import WeightLearner
from core.training.optimizers import OptimizerSettings, make_optimizer
from core.training.order import Order

if TYPE_CHECKING:
    from core.engine.context import StageContext

EPSILON = 1e-8
"""Added to the denominator of the weights."""


class LffSettings(OptimizerSettings, Protocol):
    """Settings of the optimiser and of the losses."""

    @property
    def batch_size(self) -> int:
        """Images per step."""
        ...

    @property
    def q(self) -> float:
        """Exponent of the generalised cross-entropy."""
        ...

    @property
    def decay(self) -> float:
        """Decay of the moving averages of the losses."""
        ...


class LffLearner(WeightLearner):
    """Trains a biased and a debiased network on the same batches; only the second one is evaluated and kept.

    Args:
        context: of the stage.
        pair: the biased network first, on its device; trained in place.
        settings: optimiser, batches and losses.
        compute: precision and batch parts.
        steps: total number of steps.
        n_classes: number of classes.
        train: the training split.
        validation: the validation split.
    """

    setting = "lff.batch_size"
    additive = False

    def __init__(
        self,
        context: "StageContext",
        pair: Pair,
        settings: LffSettings,
        compute: Compute,
        steps: int,
        n_classes: int,
        train: Images,
        validation: Images,
    ) -> None:
        order = Order(len(train), settings.batch_size, context.generator("order"))
        optimizer = make_optimizer(pair.parameters(), settings, fused=compute.precision == "fp16")
        super().__init__(context, pair, settings, compute, steps, optimizer, order, train, validation)
        self._q = settings.q
        self._debiased = pair.second
        self._losses = [RelativeLosses(train.labels, n_classes, settings.decay) for _ in range(2)]

    @property
    def product(self) -> nn.Module:
        return self._debiased

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        labels = self._images.labels[drawn]
        biased, debiased = logits.unbind(2)
        losses = [F.cross_entropy(of, labels, reduction="none") for of in (biased, debiased)]
        relative = [of.update(drawn, loss.detach()) for of, loss in zip(self._losses, losses, strict=True)]
        weighted = difficulty(*relative) * losses[1]
        return generalised_cross_entropy(biased, labels, self._q).mean() + weighted.mean()

    def loss_state(self) -> dict[str, Any]:
        return {"averages": [of.averages for of in self._losses]}

    def load_loss_state(self, state: dict[str, Any]) -> None:
        for of, averages in zip(self._losses, state["averages"], strict=True):
            of.averages = averages.to(self._images.device)


class RelativeLosses:
    """Moving averages of the losses of every sample, compared to the largest one of its class.

    Args:
        labels: of all samples, int64 [n].
        n_classes: number of classes.
        decay: share of the old average.

    Attributes:
        averages: float32 [n]; −1 for samples that were not in a batch so far.
    """

    def __init__(self, labels: Tensor, n_classes: int, decay: float) -> None:
        self.averages = torch.full((len(labels),), -1.0, device=labels.device)
        self._labels = labels
        self._n_classes = n_classes
        self._decay = decay

    def update(self, drawn: Tensor, losses: Tensor) -> Tensor:
        """Update the averages of a batch, and return them divided by the largest average of their class, [batch].

        Args:
            drawn: samples of the batch, [batch].
            losses: not negative, [batch].
        """
        old = self.averages[drawn]
        new = torch.where(old < 0, losses, self._decay * old + (1 - self._decay) * losses)
        self.averages = self.averages.index_put((drawn,), new)
        largest = torch.zeros(self._n_classes, device=losses.device)
        largest = largest.scatter_reduce(0, self._labels, self.averages, "amax")
        return self.averages[drawn] / largest[self._labels[drawn]].clamp(min=EPSILON)


def difficulty(biased: Tensor, debiased: Tensor) -> Tensor:
    """Weight of every sample: its loss under the biased network as a share of the sum of both losses, in [0, 1].

    Args:
        biased: relative losses of the biased network, [n].
        debiased: relative losses of the debiased network, [n].
    """
    return biased / (biased + debiased + EPSILON)
