"""Which checkpoint of a stage is handed on: named rules on the validation split."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from core.groups import Evaluation

RULES: Mapping[str, tuple[Callable[[Evaluation], float], str]] = {
    "last": (lambda _: 0.0, "nothing"),
    "average": (lambda e: e.average, "validation labels"),
    "worst-class": (lambda e: e.worst_class_accuracy, "validation labels"),
    "worst-group": (lambda e: e.worst_group.accuracy, "validation labels and attributes"),
}
"""Rule → (what it maximises, what it uses)."""


class Selection:
    """Remembers the network that the rule in force prefers so far, and the step that every other rule would take.

    Ties go to the later step, so `last` is the rule that likes all steps equally.
    """

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.picks: dict[str, dict[str, Any]] = {}
        self.network: dict[str, Tensor] = {}

    def offer(self, step: int, evaluation: Evaluation, network: Callable[[], Mapping[str, Tensor]]) -> None:
        """Consider the checkpoint at `step`; `network` is called only when the rule in force takes it."""
        for name, (value_of, uses) in RULES.items():
            value = value_of(evaluation)
            if name not in self.picks or value >= self.picks[name]["value"]:
                self.picks[name] = {"step": step, "value": value, "uses": uses}
                if name == self.rule:
                    self.network = {key: tensor.detach().clone() for key, tensor in network().items()}

    @property
    def step(self) -> int:
        """Step of the checkpoint that the rule in force takes."""
        return int(self.picks[self.rule]["step"])

    def report(self) -> dict[str, Any]:
        """The rule in force, its step, and what every rule would have picked, as plain data."""
        return {"rule": self.rule, "step": self.step, "picks": {k: dict(v) for k, v in self.picks.items()}}

    def state_dict(self) -> dict[str, Any]:
        """Everything remembered."""
        return {"picks": {k: dict(v) for k, v in self.picks.items()}, "network": dict(self.network)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.picks, self.network = state["picks"], state["network"]
