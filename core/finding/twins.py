"""Twin networks that train on one half of the data each, and whose mistakes on the other half become labels.

Pezeshki et al., Discovering environments with XRM, ICML 2024, arXiv 2309.16748.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.config import Compute
from core.models.pair import Pair
from core.training.images import Images
from core.training.learner import WeightLearner
from core.training.optimizers import OptimizerSettings, make_optimizer
from core.training.order import Order
from core.training.predict import Predictions

if TYPE_CHECKING:
    from core.engine.context import StageContext


class TwinLearner(WeightLearner):
    """Trains both twins on the images of their half, whose labels follow the confident predictions of the other twin.

    Args:
        context: of the stage.
        twins: on its device; trained in place.
        settings: optimiser and learning rate.
        per_step: images per step.
        compute: precision and batch parts.
        steps: total number of steps.
        train: the training split.
        half: of every training sample, 0 or 1, int64 [n]: the number of the twin that trains on it.
        validation: the validation split.

    Attributes:
        labels: of the training samples, with all flips so far, int64 [n] on the device.
    """

    setting = "twins.batch_size"
    additive = False

    def __init__(
        self,
        context: "StageContext",
        twins: Pair,
        settings: OptimizerSettings,
        per_step: int,
        compute: Compute,
        steps: int,
        train: Images,
        half: Tensor,
        validation: Images,
    ) -> None:
        order = Order(len(train), per_step, context.generator("order"))
        optimizer = make_optimizer(twins.parameters(), settings, fused=compute.precision == "fp16")
        super().__init__(context, twins, settings, compute, steps, optimizer, order, train, validation)
        self.labels = train.labels
        self._half = half.to(context.device)
        self._flips = context.generator("flips", context.device)

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        labels, half = self.labels[drawn], self._half[drawn]
        flipped = flip(of_twin(logits.detach(), 1 - half), labels, self._flips)
        self.labels = self.labels.index_put((drawn,), flipped)  # these count from the next visit on
        return class_mean_cross_entropy(of_twin(logits, half), labels)

    def loss_state(self) -> dict[str, Any]:
        return {"labels": self.labels}

    def load_loss_state(self, state: dict[str, Any]) -> None:
        self.labels = state["labels"].to(self._images.device)

    def step(self) -> Mapping[str, Tensor]:
        losses = super().step()
        return {**losses, "flipped labels": (self.labels != self._images.labels).float().mean()}


def random_halves(n: int, seed: int) -> Tensor:
    """Assign every sample to one of two halves at random, int64 [n] of 0 and 1; their sizes differ by at most 1."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed)) % 2


def of_twin(logits: Tensor, twin: Tensor) -> Tensor:
    """Logits [n, classes] of one twin for each sample.

    Args:
        logits: of both twins, [n, classes, 2].
        twin: number of the twin, 0 or 1, int64 [n].
    """
    return logits.gather(2, twin[:, None, None].expand(-1, logits.shape[1], 1)).squeeze(2)


def flip_probability(confidence: Tensor, n_classes: int) -> Tensor:
    """Probability (c − 1/K) · K / (K − 1) that a label follows a prediction: 0 for a guess, 1 for certainty.

    Args:
        confidence: softmax probability of the predicted class, in [1/K, 1].
        n_classes: K.
    """
    return (n_classes * confidence - 1) / (n_classes - 1)


def flip(logits: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Change labels to the class that the other twin predicts, with the probability of `flip_probability`, int64 [n].

    Args:
        logits: of the twin that does not train on the samples, [n, classes].
        labels: current labels, [n].
        generator: on the device of the logits.
    """
    top = logits.softmax(1).max(1)
    drawn = torch.rand(len(labels), generator=generator, device=generator.device)
    return torch.where(drawn < flip_probability(top.values, logits.shape[1]), top.indices, labels)


def class_mean_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the classes in a batch of the mean cross-entropy of their samples.

    XRM takes the sum over the classes, which differs by a constant factor if all are in the batch.

    Args:
        logits: float32 [n, classes].
        labels: int64 [n].
    """
    counts = torch.zeros(logits.shape[1], device=logits.device).index_add_(0, labels, torch.ones_like(logits[:, 0]))
    weights = 1 / (counts[labels] * (counts > 0).sum())
    return (F.cross_entropy(logits, labels, reduction="none") * weights).sum()


def cross_mistakes(first: Predictions, second: Predictions, labels: Tensor) -> Tensor:
    """Mistake of either twin as attribute: the wrong class that the surer wrong twin predicts, or else the label, [n].

    With two classes it differs from the label exactly where XRM finds a cross-mistake.

    Args:
        first: predictions of one twin.
        second: predictions of the other twin.
        labels: [n].
    """
    classes = torch.stack([first.classes, second.classes])
    wrong = classes != labels
    surer = torch.stack([first.probabilities, second.probabilities]).where(wrong, 0).argmax(0, keepdim=True)
    return torch.where(wrong.any(0), classes.gather(0, surer).squeeze(0), labels)
