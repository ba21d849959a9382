"""Events of the composition of pseudo-groups, balanced sets and environments (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.events.event import Event
from core.words import percent


@dataclass(frozen=True, slots=True)
class Choice(Event):
    """Choice of checkpoint and number of clusters: all candidates, the chosen one, and the reason as a sentence."""

    kind: ClassVar[str] = "choice"
    lasting: ClassVar[bool] = True
    stage: str
    candidates: list[dict[str, float]]
    chosen: int
    reason: str

    @property
    def whole(self) -> bool:
        numbers = (each.get(name) for each in self.candidates for name in ("epoch", "k", "size", "skew"))
        return 0 <= self.chosen < max(1, len(self.candidates)) and None not in numbers

    def line(self) -> str:
        return f"{self.stage}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PseudoGroupsFound(Event):
    """Composition of the pseudo-groups: `table[c][y]` counts the samples of class y in pseudo-group c.

    `source` describes the finder, `names` the pseudo-groups; both are empty for clusters of an earlier version.
    `quality` has label-free numbers (`core.finding.quality.Quality`); `tried` the finders that were compared, each with
    its `source`, quality and stage; `reason` says in a sentence why this one was taken.
    `group_table[c][g]` counts the samples of group `groups[g]`; both are empty if the data set has no attributes.
    `conflicts` has the number of presumed conflict samples (`found`) and, with attributes, `true` (an attribute and the
    label differ) and `hits` (both). Groups and true conflicts are for information only: they are counted after the
    choice and must not affect it.
    """

    kind: ClassVar[str] = "clustered"  # as in streams of earlier versions
    lasting: ClassVar[bool] = True
    stage: str
    labels: list[str]
    table: list[list[int]]
    groups: list[str] = field(default_factory=list)
    group_table: list[list[int]] = field(default_factory=list)
    source: str = ""
    names: list[str] = field(default_factory=list)
    conflicts: dict[str, int] = field(default_factory=dict)
    quality: dict[str, float | None] = field(default_factory=dict)
    tried: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""

    @property
    def whole(self) -> bool:
        names = len(self.names) in (0, len(self.table))
        tried = all(isinstance(one.get(name), str) for one in self.tried for name in ("source", "stage"))
        return names and tried and _fit(self.table, self.labels, self.group_table, self.groups)

    @property
    def titles(self) -> list[str]:
        """Name of each pseudo-group, also of one by an earlier version."""
        return self.names or [f"cluster {number}" for number in range(len(self.table))]

    @property
    def finders(self) -> list[str]:
        """Stages of the finders, the one whose pseudo-groups were taken first."""
        taken = [finder["stage"] for finder in self.tried if finder["source"] == self.source]
        return list(dict.fromkeys([*taken, *(finder["stage"] for finder in self.tried)])) or [self.stage]

    def line(self) -> str | None:
        if not self.source:
            return None
        text = f"{self.stage}: {len(self.table)} pseudo-groups ({self.source})"
        return ". ".join(part for part in (text, conflicts_sentence(self.conflicts), self.reason) if part)


def _fit(
    table: Sequence[Sequence[int]], labels: Sequence[str], group_table: Sequence[Sequence[int]], groups: Sequence[str]
) -> bool:
    """Whether the rows of both tables have a count for each label and for each group."""
    by_label = all(len(row) == len(labels) for row in table)
    return by_label and len(group_table) in (0, len(table)) and all(len(row) == len(groups) for row in group_table)


def conflicts_sentence(conflicts: Mapping[str, int]) -> str:
    """Conflict samples in one phrase; empty if there are none to count.

    Args:
        conflicts: `found`, and possibly `true` and `hits`, as in `PseudoGroupsFound`.
    """
    found = conflicts.get("found")
    if found is None:
        return ""
    text = f"conflict samples: {found:,} found"
    if (true := conflicts.get("true")) is not None:
        hits = conflicts.get("hits", 0)
        precision, recall = (percent(hits / n if n else None) for n in (found, true))
        text += f", precision {precision} %, recall {recall} % (for information only)"
    return text


@dataclass(frozen=True, slots=True)
class Balanced(Event):
    """Composition of the balanced set: `table[c][y]` entries of class y from cluster c, under `rule`."""

    kind: ClassVar[str] = "balanced"
    lasting: ClassVar[bool] = True
    stage: str
    rule: str
    size: int
    table: list[list[int]]

    @property
    def whole(self) -> bool:
        return len({len(row) for row in self.table}) <= 1

    def line(self) -> str:
        return f"{self.stage}: balanced set of {self.size:,} entries (rule {self.rule})"


@dataclass(frozen=True, slots=True)
class EnvironmentsMade(Event):
    """Composition of the environments: `table[e][y]` counts the samples of class y in environment `names[e]`.

    `source` describes their origin. Of the `total` samples of the training split, `used` are in at least one
    environment; a sample may be in several. `group_table[e][g]` counts those of group `groups[g]`; both are empty if
    the data set has no attributes. `conflicts` has the number of presumed conflict samples (`found`) and, if there is
    exactly one attribute, `true` (attribute and label differ) and `hits` (both); it is empty if the environments do not
    come from conflicts. Groups and true conflicts are for information only and must not affect any choice.
    """

    kind: ClassVar[str] = "environments"
    lasting: ClassVar[bool] = True
    stage: str
    source: str
    names: list[str]
    labels: list[str]
    table: list[list[int]]
    total: int
    used: int
    groups: list[str] = field(default_factory=list)
    group_table: list[list[int]] = field(default_factory=list)
    conflicts: dict[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return len(self.names) == len(self.table) and _fit(self.table, self.labels, self.group_table, self.groups)

    def line(self) -> str:
        sizes = ", ".join(f"{sum(row):,} in {name}" for name, row in zip(self.names, self.table, strict=True))
        text = f"{self.stage}: {sizes} ({self.source}); {self.used:,} of {self.total:,} training images used"
        return f"{text}; {conflicts}" if (conflicts := conflicts_sentence(self.conflicts)) else text
