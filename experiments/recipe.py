"""What a recipe is (no torch: names and summaries must be there at once)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.config import Config

if TYPE_CHECKING:
    from core.engine.stage import Stage

Knows = Literal["none", "validation", "train"]


@dataclass(frozen=True)
class Recipe:
    """A named sequence of stages.

    Attributes:
        name: as typed after `prusc run`.
        summary: one line.
        stage_names: names of the stages in their order.
        stages: makes the stages of a configuration; imports torch.
        fixed: settings that make the recipe what it is, dotted key → value; they cannot be overridden.
        trains_on_attributes: whether training reads the attributes of the training split.
    """

    name: str
    summary: str
    stage_names: tuple[str, ...]
    stages: Callable[[Config], tuple["Stage", ...]]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    trains_on_attributes: bool = False

    def attributes_used(self, config: Config) -> Knows:
        """Where the attributes had a say in the result: in training, in selecting on validation, or nowhere."""
        if self.trains_on_attributes:
            return "train"
        return "validation" if config.select.rule == "worst-group" else "none"
