"""Steps of Adam on many members at once, with an objective over environments."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.invariance.batched import Members
from core.invariance.objectives import Objective
from core.invariance.penalty import Estimator, means, penalties, sample_losses, scale_gradients, shares


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Measurements of a step before its update; nothing here waits for the device.

    Risks and penalties before any weight are [members, environments]; losses, without L2 and before rescaling, and
    current penalty weights are [members].
    """

    risks: Tensor
    penalties: Tensor
    losses: Tensor
    weights: Tensor


class Training:
    """Trains members in parallel; each takes the same steps of Adam as if trained alone.

    The loss of a member is (objective + l2·‖all its parameters‖²) / max(1, penalty weight), biases included, as IRM's
    authors have it. The estimator of the penalty is `squared` for full batches, see `penalties`. Raises ValueError if
    the objective is for another number of members.
    """

    def __init__(
        self, members: Members, objective: Objective, *, lr: float, l2: float = 0.0, estimator: Estimator = "squared"
    ) -> None:
        if len(objective.environment_weights) != len(members):
            raise ValueError(f"{len(members)} members, but penalty weights for {len(objective.environment_weights)}")
        self.members = members
        self.objective = objective
        self.steps = 0
        self._l2 = l2
        self._estimator = estimator
        self._adam = torch.optim.Adam([members.values], lr, fused=True)  # all members and parameters in one kernel

    def step(self, x: Tensor, labels: Tensor, weights: Tensor) -> Measured:
        """Take one step of every member, on all samples or on a mini-batch of them.

        Images are [n, …], a constant full batch is best converted once by `Members.prepared`; labels are [n]. Weights
        of the samples in the environments are [n, environments]; only their ratios within a column matter.
        """
        x = self.members.prepared(x)
        of = shares(weights)
        present = weights.sum(0) > 0
        penalty_weights = self.objective.weights(self.steps, of)
        divisor = self.objective.divisor(penalty_weights)
        seen: list[tuple[Tensor, Tensor, Tensor]] = []
        for chunk in self.members.chunks():
            leaves = self.members.leaves(chunk)
            logits = self.members.forward(x, leaves)
            risks = means(sample_losses(logits, labels), of)
            penalty = penalties(scale_gradients(logits, labels), of, self._estimator)
            loss = self.objective(risks, penalty, present, penalty_weights[chunk], chunk)
            self.members.set_grad(chunk, torch.autograd.grad((loss / divisor[chunk]).sum(), list(leaves.values())))
            seen.append((risks.detach(), penalty.detach(), loss.detach()))
        if self._l2:  # its gradient has a closed form
            gradient = self.members.values.grad
            assert gradient is not None
            gradient.addcmul_(self.members.values, (2 * self._l2 / divisor)[:, None])
        self._adam.step()
        self.steps += 1
        risks, penalty, loss = (torch.cat(parts) for parts in zip(*seen, strict=True))
        return Measured(risks, penalty, loss, penalty_weights)

    def state_dict(self) -> dict[str, Any]:
        return {
            "values": self.members.values,
            "adam": self._adam.state_dict(),
            "objective": self.objective.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.members.values.copy_(state["values"])
        self._adam.load_state_dict(state["adam"])
        self.objective.load_state_dict(state["objective"])
        self.steps = state["steps"]
