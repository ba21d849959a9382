"""Rules that choose by the validation split, and what each of them uses (no torch)."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from core.groups import Evaluation


class Rule(NamedTuple):
    """A number of an evaluation on the validation split, of which more is better.

    Attributes:
        value: the number; None if the split has no pseudo-groups and the rule needs them.
        uses: in words, what of the validation split it uses.
        attributes: whether that includes its attributes.
    """

    value: Callable[[Evaluation], float | None]
    uses: str
    attributes: bool = False


RULES: Mapping[str, Rule] = {
    "last": Rule(lambda _: 0.0, "nothing"),
    "average": Rule(lambda e: e.average, "validation labels"),
    "worst-class": Rule(lambda e: e.worst_class_accuracy, "validation labels"),
    "worst-cell": Rule(
        lambda e: e.worst_cell.accuracy if e.worst_cell else None, "validation labels and pseudo-groups"
    ),
    "worst-group": Rule(lambda e: e.worst_group.accuracy, "validation labels and attributes", attributes=True),
}
"""Name → rule. `last` takes the last step, whatever its numbers."""
