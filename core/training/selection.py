"""Selection of a stage's final checkpoint by named rules on the validation split."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from core.groups import Evaluation
from core.rules import RULES

FALLBACK = "last"
"""Rule in place of `worst-cell` in stages before the pseudo-groups are found."""

Pick = dict[str, Any]


class Selection:
    """Keeps the best network so far under the active rule, and the step that every other rule would select.

    Ties go to the later step, so the rule `last` gives all steps the same value. With several members, a rule selects a
    step for each of them, and then the member with the highest value, the first one on a tie; `last` selects the first
    member.
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
            network: member → its tensors; called only if the active rule selects them.
        """
        if not self._members:
            self._members = [{} for _ in evaluations]
            self.networks = [{} for _ in evaluations]
        for member, (picks, evaluation) in enumerate(zip(self._members, evaluations, strict=True)):
            if self.rule == "worst-cell" and evaluation.worst_cell is None:
                self.rule = FALLBACK
            for name, rule in RULES.items():
                if (value := rule.value(evaluation)) is None:
                    continue
                if name not in picks or value >= picks[name]["value"]:
                    picks[name] = {"step": step, "value": value, "uses": rule.uses}
                    if name == self.rule:
                        self.networks[member] = {k: tensor.detach().clone() for k, tensor in network(member).items()}

    @property
    def member(self) -> int:
        """Member selected by the active rule."""
        return self._best(self.rule)

    @property
    def network(self) -> dict[str, Tensor]:
        """Tensors selected by the active rule."""
        return self.networks[self.member]

    @property
    def step(self) -> int:
        """Step of the checkpoint selected by the active rule."""
        return int(self._members[self.member][self.rule]["step"])

    @property
    def picks(self) -> dict[str, Pick]:
        """Rule → its selection: `step`, `value`, `uses`, and `member` if there are several."""
        picks = {}
        for name in (name for name in RULES if all(name in picks for picks in self._members)):
            member = self._best(name)
            picks[name] = dict(self._members[member][name])
            if len(self._members) > 1:
                picks[name]["member"] = member
        return picks

    def state_dict(self) -> dict[str, Any]:
        """State for `load_state_dict`."""
        members = [{name: dict(pick) for name, pick in picks.items()} for picks in self._members]
        return {"rule": self.rule, "members": members, "networks": [dict(network) for network in self.networks]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self.rule = state.get("rule", self.rule)
        self._members, self.networks = state["members"], state["networks"]

    def _best(self, rule: str) -> int:
        values = [picks[rule]["value"] for picks in self._members]
        return values.index(max(values))
