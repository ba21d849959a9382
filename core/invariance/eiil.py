"""Environments by EIIL: the assignment of samples with the largest invariance penalty of a reference.

Creager, Jacobsen and Zemel, Environment Inference for Invariant Learning, ICML 2021, arXiv 2010.07249.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from core.events import Scalars, StageStarted
from core.invariance.environments import Environments

if TYPE_CHECKING:
    from core.engine.context import StageContext

LR = 1e-3
"""Learning rate of Adam, as published."""
LOG_POINTS = 100
"""Number of logged points of the penalty."""


class SoftAssignment:
    """Shares q = σ(w) of the samples in the first of two environments, optimised for the largest penalty.

    The penalty is the mean over the two environments, (Σ q g / n)² and (Σ (1 − q) g / n)², where g is the derivative of
    a sample's loss with respect to a scale of the reference's logits (`scale_gradients`), [n] or [references, n]. As g
    is constant, a step costs two sums. The generator, for the random start, is on the device of g. Samples whose
    gradient is not far above `eps`, the ε of Adam, stay near their random start.
    """

    def __init__(self, gradients: Tensor, generator: torch.Generator, lr: float = LR, eps: float = 1e-8) -> None:
        self._g = gradients.detach() / gradients.shape[-1]
        self._w = torch.randn(self._g.shape, generator=generator, dtype=self._g.dtype, device=self._g.device)
        self._adam = torch.optim.Adam([self._w], lr, eps=eps, maximize=True, fused=True)
        self.steps = 0

    @property
    def q(self) -> Tensor:
        """Share of every sample in the first environment, with the shape of `gradients`."""
        return self._w.sigmoid()

    def penalty(self) -> Tensor:
        """Mean penalty of the two environments, [] or [references]."""
        first, second = self._sums(self.q)
        return (first.square() + second.square()).squeeze(-1) / 2

    def step(self) -> None:
        q = self.q
        first, second = self._sums(q)
        self._w.grad = (first - second) * self._g * q * (1 - q)
        self._adam.step()
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"w": self._w, "adam": self._adam.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._w.copy_(state["w"])
        self._adam.load_state_dict(state["adam"])
        self.steps = state["steps"]

    def _sums(self, q: Tensor) -> tuple[Tensor, Tensor]:
        first = (q * self._g).sum(-1, keepdim=True)
        return first, self._g.sum(-1, keepdim=True) - first


def optimise(context: "StageContext", assignment: SoftAssignment, steps: int) -> None:
    """Take all steps of a stage, or those left since its last checkpoint."""
    if (saved := context.resume_state()) is not None:
        assignment.load_state_dict(saved)
    context.emit(StageStarted(context.stage, steps, assignment.steps))
    every = max(1, steps // LOG_POINTS)
    while assignment.steps < steps:
        context.at_boundary(assignment.state_dict)
        assignment.step()
        done = assignment.steps
        if done % every == 0 or done == steps:
            context.emit(Scalars(context.stage, done, float(done), {"EIIL penalty": assignment.penalty().item()}))
        context.progress(done, steps)


def split(first: Tensor, losses: Tensor) -> Environments:
    """Environments of an assignment, bool [n]; the one with the higher loss of the reference, [n], comes first."""
    inside = first.cpu().numpy()
    loss = losses.detach().cpu().numpy()
    sides = [np.flatnonzero(inside), np.flatnonzero(~inside)]
    sides.sort(key=lambda samples: -loss[samples].mean() if len(samples) else np.inf)
    return Environments(("worse fitted", "better fitted"), (sides[0], sides[1]))
