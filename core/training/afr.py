"""Automatic feature reweighting: full-batch steps on the head, with weights for samples that ERM predicts poorly."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.data.dataset import DataSet
from core.groups import Evaluation
from core.models.representation import find_head
from core.training.images import Images
from core.training.predict import count_groups


def afr_weights(logits: Tensor, labels: Tensor, gamma: float) -> Tensor:
    """Weights of the samples, which sum to 1: exp(−γ p_y), divided by the number of samples of the class, [n].

    Args:
        logits: of the ERM network, [n, classes].
        labels: int64 [n].
        gamma: γ; 0 only balances the classes.

    Source:
        Qiu et al., arXiv 2306.11074, equation 2.
    """
    p = logits.softmax(1).gather(1, labels[:, None]).squeeze(1)
    sizes = torch.bincount(labels, minlength=logits.shape[1])
    weights = torch.exp(-gamma * p) / sizes[labels]
    return weights / weights.sum()


class HeadLearner:
    """Takes gradient steps on the head of a network with its representation fixed.

    The loss is Σ μ_i · cross-entropy_i + penalty · |head − initial head|², over all samples in every step.

    Args:
        network: in evaluation mode; its head is trained in place.
        features: representation of the samples, [n, d], on the device of the network.
        labels: int64 [n].
        weights: μ, [n].
        penalty: of the distance to the initial head.
        lr: learning rate of gradient descent.
        held_out: representation of the validation split, [m, d].
        validation: the validation split.
        data: the data set.
    """

    def __init__(
        self,
        network: nn.Module,
        features: Tensor,
        labels: Tensor,
        weights: Tensor,
        penalty: float,
        lr: float,
        held_out: Tensor,
        validation: Images,
        data: DataSet,
    ) -> None:
        self._network = network.requires_grad_(False)
        self._head = find_head(network)[1].requires_grad_(True)
        self._start = [parameter.detach().clone() for parameter in self._head.parameters()]
        self._optimizer = torch.optim.SGD(self._head.parameters(), lr)
        self._features, self._labels, self._weights = features, labels, weights
        self._penalty = penalty
        self._held_out, self._validation, self._data = held_out, validation, data

    def step(self) -> Mapping[str, Tensor]:
        self._optimizer.zero_grad(set_to_none=True)
        entropy = F.cross_entropy(self._head(self._features), self._labels, reduction="none")
        fit = (self._weights * entropy).sum()
        pairs = zip(self._head.parameters(), self._start, strict=True)
        distance = torch.stack([(now - then).square().sum() for now, then in pairs]).sum()
        loss = fit + self._penalty * distance
        loss.backward()
        self._optimizer.step()
        return {"loss": loss.detach(), "cross-entropy": fit.detach(), "distance": distance.detach()}

    def look(self) -> Sequence[Evaluation]:
        with torch.no_grad():
            predicted = self._head(self._held_out).argmax(1)
        return [count_groups(predicted, self._validation, self._data, "validation")]

    def network(self, member: int = 0) -> Mapping[str, Tensor]:
        del member
        return self._network.state_dict()

    def state_dict(self) -> dict[str, Any]:
        return {"head": self._head.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._head.load_state_dict(state["head"])
