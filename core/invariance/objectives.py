"""Objectives over environments: mean risk, IRM, V-REx and GroupDRO, as functions of risks and penalties."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

Kind = Literal["erm", "irm", "vrex", "group-dro"]


def mean_risk(risks: Tensor, present: Tensor) -> Tensor:
    """Mean of the risks [members, environments] over the environments with samples, bool [environments]: [members]."""
    return (risks * (present.to(risks) / present.sum().clamp(min=1))).sum(1)


def irm(risks: Tensor, penalties: Tensor, present: Tensor, weight: Tensor) -> Tensor:
    """IRMv1: mean risk + weight · mean penalty (arXiv 1907.02893), [members]; `weight` [members]."""
    return mean_risk(risks + weight[:, None] * penalties, present)


def vrex(risks: Tensor, present: Tensor, weight: Tensor) -> Tensor:
    """V-REx: mean risk + weight · variance of the risks over environments (arXiv 2003.00688), [members]."""
    mean = mean_risk(risks, present)
    return mean + weight * mean_risk((risks - mean[:, None]).square(), present)


def rescale(weight: Tensor) -> Tensor:
    """Divisor of the loss including L2, so that a large penalty weight does not mean large steps: max(1, weight)."""
    return weight.clamp(min=1)


@dataclass(frozen=True)
class Annealing:
    """Schedule of the penalty weights: `before` up to step `until`, counted from 0, then each member's own weight.

    IRM's authors have 1 before.
    """

    weights: tuple[float, ...]
    until: int = 0
    before: float = 1.0

    def __post_init__(self) -> None:
        if min(self.weights, default=0) < 0 or self.before < 0 or self.until < 0:
            raise ValueError("penalty weights and steps cannot be negative")

    def at(self, step: int) -> tuple[float, ...]:
        """Weights of the members at `step`, counted from 0."""
        return self.weights if step >= self.until else (self.before,) * len(self.weights)


class Objective:
    """One of the objectives for all members, with the state of GroupDRO.

    The annealing is not used by `erm` and `group-dro`. `dro_step_size` is η of GroupDRO's step on the weights of the
    environments (arXiv 1911.08731, algorithm 1). If `rescaled`, loss and L2 are divided by the penalty weight if that
    is above 1, as IRM's authors do.
    """

    def __init__(
        self,
        kind: Kind,
        annealing: Annealing,
        n_environments: int,
        *,
        dro_step_size: float = 0.01,
        rescaled: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        if kind not in get_args(Kind):
            raise ValueError(f"unknown objective {kind!r}; known: {', '.join(get_args(Kind))}")
        self.kind = kind
        self.environment_weights = torch.full(
            (len(annealing.weights), n_environments), 1 / n_environments, device=device
        )
        self._until = annealing.until
        penalised = kind in ("irm", "vrex")
        nothing = (0.0,) * len(annealing.weights)
        # On the device once and for all, as a copy in every step would wait for a GPU.
        self._before, self._after = (
            torch.tensor(annealing.at(step) if penalised else nothing, dtype=torch.float64, device=device)
            for step in (0, annealing.until)
        )
        self._dro_step_size = dro_step_size
        self._rescaled = rescaled

    def weights(self, step: int, like: Tensor) -> Tensor:
        """Penalty weight of every member at `step`, [members], with the dtype and device of `like`."""
        return (self._after if step >= self._until else self._before).to(like)

    def divisor(self, weights: Tensor) -> Tensor:
        """Divisor of the loss (including L2) of every member, [members]."""
        return rescale(weights) if self._rescaled else torch.ones_like(weights)

    def __call__(self, risks: Tensor, penalties: Tensor, present: Tensor, weights: Tensor, members: slice) -> Tensor:
        """Loss of some members before division by `divisor`: [these members].

        Risks and penalties of these members are [these members, environments]; `present` is whether each environment
        has samples, bool [environments].
        """
        match self.kind:
            case "erm":
                return mean_risk(risks, present)
            case "irm":
                return irm(risks, penalties, present, weights)
            case "vrex":
                return vrex(risks, present, weights)
            case "group-dro":
                # An absent environment has risk 0, so its weight changes only by normalisation.
                raised = self.environment_weights[members] * torch.exp(self._dro_step_size * risks.detach())
                self.environment_weights[members] = raised / raised.sum(1, keepdim=True)
                return (self.environment_weights[members].to(risks.dtype) * risks).sum(1)

    def state_dict(self) -> dict[str, Any]:
        return {"environment_weights": self.environment_weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.environment_weights = state["environment_weights"].to(self.environment_weights.device)
