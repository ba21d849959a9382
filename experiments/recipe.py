"""What a recipe is (no torch: names and summaries must be there at once)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.config import Config

if TYPE_CHECKING:
    from core.engine.stage import Stage

Supervision = Literal["none", "validation", "train", "environments", "shortcut"]
"""What a result owes to knowledge of the shortcut: nothing; attributes of the validation split, to select; those of the
training split; training environments that came with the data; or the shortcut itself, taken out by hand."""


@dataclass(frozen=True)
class Recipe:
    """A named sequence of stages.

    Attributes:
        name: as typed after `prusc run`.
        summary: one line.
        stage_names: names of the stages in their order.
        stages: makes the stages of a configuration; imports torch.
        fixed: settings that make the recipe what it is, dotted key → value; they cannot be overridden.
        supervision: what training itself is told of the shortcut.
        data: names of the data sets that it works on; empty for all.
        preset: whose data and values it takes where the person names none.
        check: refuses settings that the recipe cannot work with.
    """

    name: str
    summary: str
    stage_names: tuple[str, ...]
    stages: Callable[[Config], tuple["Stage", ...]]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    supervision: Supervision = "none"
    data: tuple[str, ...] = ()
    preset: str = "demo"
    check: Callable[[Config], None] = lambda _: None

    def attributes_used(self, config: Config) -> Supervision:
        """What the result owes to knowledge of the shortcut; a rule that selects by attributes counts where no more."""
        if self.supervision != "none":
            return self.supervision
        return "validation" if config.select.rule == "worst-group" else "none"
