"""Finder `groups`: the true attributes, an oracle."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import FINDER_FILES
from core.engine.stage import Stage, Supervision
from core.errors import InputError
from core.events import StageStarted

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class TakeTrueGroups(Stage):
    """Take the attributes of the data set as pseudo-groups: supervision that other finders do not use."""

    name: ClassVar[str] = "true-groups"
    files: ClassVar[Mapping[str, str]] = FINDER_FILES

    @property
    def supervision(self) -> Supervision:
        return "train"

    def run(self, context: "StageContext") -> None:
        from core.finding.pseudo_groups import PseudoGroups, combined

        data = context.data
        require_attributes(data.name, data.attributes)
        context.emit(StageStarted(context.stage, 1))
        sizes = [len(values) for values in data.attributes.values()]
        train, validation = (combined(data.splits[name].attributes.T, sizes) for name in ("train", "validation"))
        labels, attributes = data.splits["train"].labels, data.splits["train"].attributes
        PseudoGroups(
            "true groups",
            tuple(" · ".join(values) for values in product(*data.attributes.values())),
            train,
            (attributes != labels[:, None]).any(axis=1),
            validation,
        ).save(context.directory)
        context.progress(1, 1)


def require_attributes(data: str, attributes: Collection[str]) -> None:
    """Raise InputError if a data set has no attributes, so that its true groups are unknown."""
    if not attributes:
        raise InputError(f"data set '{data}' has no attributes for the finder `groups`; take another one (find.by)")
