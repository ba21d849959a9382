"""The recipe: stages in order, the settings that it fixes, and its supervision (no torch)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from core.config import Config
from core.engine.stage import Stage, Supervision
from core.overrides import merge, nest, validate

Kind = Literal["baseline", "method", "control", "rival", "oracle"]
KINDS = get_args(Kind)
"""In the order of lists."""


@dataclass(frozen=True)
class Recipe:
    """A named sequence of stages.

    Attributes:
        name: as typed after `prusc run`.
        summary: one line.
        kind: baseline, method, control of a method, rival, or oracle.
        equations: what it does after finding, one step a line, in the signs of `experiments.equations`.
        source: papers, and what is ours.
        stages: returns the stages of a configuration without reading files or importing torch.
        fixed: settings that make the recipe what it is, dotted key → value; they cannot be overridden.
        defaults: settings that it uses unless the preset or the user says otherwise, dotted key → value.
        supervision: supervision of training itself.
        title: name of the method in a paper; empty for `name`.
        data: names of the data sets that it works on; empty for all.
        preset: its default data and values.
        check: refuses settings that the recipe cannot work with.
    """

    name: str
    summary: str
    kind: Kind
    stages: Callable[[Config], tuple[Stage, ...]]
    fixed: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    supervision: Supervision = "none"
    title: str = ""
    equations: tuple[str, ...] = ()
    source: str = ""
    data: tuple[str, ...] = ()
    preset: str = "demo"
    check: Callable[[Config], None] = lambda _: None

    def config(self) -> Config:
        """Settings of the recipe without preset and overrides."""
        data = {"data.name": self.data[0]} if self.data else {}
        return validate(nested({**data, **self.defaults, **self.fixed}), f"recipe '{self.name}'")

    def stage_names(self, config: Config | None = None) -> tuple[str, ...]:
        """Names of the stages in their order, by default with default settings."""
        return tuple(stage.name for stage in self.stages(config or self.config()))

    def attributes_used(self, config: Config) -> Supervision:
        """Supervision behind a result; a stage or a selection rule that uses attributes counts as well."""
        used = [self.supervision, *(stage.supervision for stage in self.stages(config))]
        if config.select.rule == "worst-group":
            used.append("validation")
        return max(used, key=get_args(Supervision).index)

    def reads(self, config: Config, key: str, stages: Sequence[str] | None = None) -> bool:
        """Whether a setting has an effect on some stages.

        Args:
            config: decides how each stage is made.
            key: dotted key of the setting.
            stages: names of stages of the recipe; all by default.
        """
        section, _, name = key.partition(".")
        if name and name in (needs := type(getattr(config, section)).only_with):
            other, values = needs[name]
            if self.fixed.get(other, values[0]) not in values:
                return False
        of = [stage for stage in self.stages(config) if stages is None or stage.name in stages]
        return any({key, section} & {*stage.reads, stage.replaced_by} for stage in of)

    def replaceable(self, config: Config) -> Iterator[str]:
        """Settings that may name a file to replace the work of a stage."""
        for stage in self.stages(config):
            if stage.replaced_by and self.reads(config, stage.replaced_by):
                yield stage.replaced_by


def nested(settings: Mapping[str, object]) -> dict[str, Any]:
    """Settings by section, from those by dotted key."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        merge(found, nest(key.split("."), value))
    return found
