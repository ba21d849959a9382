"""Losses of ERM and its oracles."""

from typing import Any, ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Objective(Protocol):
    """A loss over a batch, with optional state."""

    additive: ClassVar[bool]
    """Whether the loss of a batch is the mean over its samples."""

    def __call__(self, logits: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
        """Return the scalar loss of logits [batch, classes] for labels [batch] in groups [batch]."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """State for `load_state_dict`."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        ...


class MeanLoss:
    """Mean cross-entropy over the batch; groups are not used."""

    additive: ClassVar[bool] = True

    def __call__(self, logits: Tensor, labels: Tensor, groups: Tensor) -> Tensor:  # noqa: D102
        del groups
        return F.cross_entropy(logits, labels)

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: D102
        del state


class GroupDroLoss:
    """Weighted sum of group losses; the weights of groups with high loss increase (arXiv 1911.08731, algorithm 1).

    Args:
        n_groups: number of groups.
        step_size: η of the exponentiated-gradient step on the group weights.
        device: of the batches.
    """

    additive: ClassVar[bool] = False

    def __init__(self, n_groups: int, step_size: float, device: torch.device) -> None:
        self.weights = torch.full((n_groups,), 1 / n_groups, device=device)
        self._step_size = step_size

    def __call__(self, logits: Tensor, labels: Tensor, groups: Tensor) -> Tensor:  # noqa: D102
        losses = F.cross_entropy(logits, labels, reduction="none")
        n_groups = len(self.weights)
        counts = torch.zeros(n_groups, device=losses.device).index_add_(0, groups, torch.ones_like(losses))
        sums = torch.zeros(n_groups, device=losses.device).index_add_(0, groups, losses)
        means = sums / counts.clamp(min=1)  # [groups]; 0 for absent groups
        with torch.no_grad():
            self.weights = self.weights * torch.exp(self._step_size * means)
            self.weights = self.weights / self.weights.sum()
        return (self.weights * means).sum()

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: D102
        self.weights = state["weights"].to(self.weights.device)
