"""Which checkpoint of a stage is handed on: named rules on the validation split."""

from collections.abc import Callable, Mapping, Sequence
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

Pick = dict[str, Any]


class Selection:
    """Remembers the network that the rule in force prefers so far, and the step that every other rule would take.

    Ties go to the later step, so `last` is the rule that likes all steps equally. Where several members are trained
    side by side, a rule takes a step for each of them, and among the members the one whose value is highest, the first
    one on a tie: by `last` the first member.
    """

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.networks: list[dict[str, Tensor]] = []
        self._members: list[dict[str, Pick]] = []

    def offer(
        self, step: int, evaluations: Sequence[Evaluation], network: Callable[[int], Mapping[str, Tensor]]
    ) -> None:
        """Consider the checkpoint at `step`.

        Args:
            step: of the training.
            evaluations: of every member on the validation split.
            network: member → its tensors; called only when the rule in force takes them.
        """
        if not self._members:
            self._members = [{} for _ in evaluations]
            self.networks = [{} for _ in evaluations]
        for member, (picks, evaluation) in enumerate(zip(self._members, evaluations, strict=True)):
            for name, (value_of, uses) in RULES.items():
                value = value_of(evaluation)
                if name not in picks or value >= picks[name]["value"]:
                    picks[name] = {"step": step, "value": value, "uses": uses}
                    if name == self.rule:
                        self.networks[member] = {k: tensor.detach().clone() for k, tensor in network(member).items()}

    @property
    def member(self) -> int:
        """Member that the rule in force takes."""
        return self._best(self.rule)

    @property
    def network(self) -> dict[str, Tensor]:
        """Tensors that the rule in force takes."""
        return self.networks[self.member]

    @property
    def step(self) -> int:
        """Step of the checkpoint that the rule in force takes."""
        return int(self._members[self.member][self.rule]["step"])

    @property
    def picks(self) -> dict[str, Pick]:
        """Rule → what it takes: `step`, `value`, `uses`, and `member` where there are several."""
        picks = {}
        for name in RULES:
            member = self._best(name)
            picks[name] = dict(self._members[member][name])
            if len(self._members) > 1:
                picks[name]["member"] = member
        return picks

    def report(self) -> dict[str, Any]:
        """The rule in force, its step, and what every rule would have picked, as plain data."""
        return {"rule": self.rule, "step": self.step, "picks": self.picks}

    def state_dict(self) -> dict[str, Any]:
        """Everything remembered."""
        members = [{name: dict(pick) for name, pick in picks.items()} for picks in self._members]
        return {"members": members, "networks": [dict(network) for network in self.networks]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._members, self.networks = state["members"], state["networks"]

    def _best(self, rule: str) -> int:
        values = [picks[rule]["value"] for picks in self._members]
        return values.index(max(values))
