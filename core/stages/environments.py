"""What all ways of stage `environments` share: which training samples are in which environment."""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import ENVIRONMENTS
from core.engine.stage import Stage
from core.events import EnvironmentsMade, Warned

if TYPE_CHECKING:
    from core.clustering.composition import Alarm
    from core.engine.context import StageContext
    from core.invariance.environments import Booleans, Environments


@dataclass(frozen=True)
class MakeEnvironments(Stage, ABC):
    """A stage that hands on environments."""

    name: ClassVar[str] = "environments"
    files: ClassVar[Mapping[str, str]] = {r"environments\.safetensors": "training images of each environment"}


def save(
    context: "StageContext", environments: "Environments", source: str, conflicts: "Booleans | None" = None
) -> None:
    """Save environments, report their composition, and raise the warnings; attributes are counted, not used.

    Args:
        context: of the stage.
        environments: of the training split.
        source: where they come from, in words.
        conflicts: bool [n], which training samples were taken for conflicts; None if none were.
    """
    from core.data.dataset import groups
    from core.groups import group_titles
    from core.invariance.environments import save_environments
    from core.invariance.makeup import alarms, makeup, quality

    data = context.data
    train = data.splits["train"]
    table = makeup(environments, train.labels, len(data.label_names))
    names: list[str] = []
    group_table: list[list[int]] = []
    found = {} if conflicts is None else {"found": int(conflicts.sum())}
    if data.attributes:
        names = [" · ".join([label, *rest.values()]) for label, rest in group_titles(data.label_names, data.attributes)]
        group_table = makeup(environments, groups(train, data), len(names)).tolist()
        if conflicts is not None and len(data.attributes) == 1:
            known = quality(conflicts, train.labels, train.attributes[:, 0])
            found = {"found": known.found, "true": known.true, "hits": known.hits}
    context.emit(
        EnvironmentsMade(
            context.stage,
            source,
            list(environments.names),
            list(data.label_names),
            table.tolist(),
            len(train),
            len(environments.used),
            names,
            group_table,
            found,
        )
    )
    if len(environments) > 1:
        warn(context, alarms(environments, table, data.label_names))
    save_environments(context.directory / ENVIRONMENTS, environments)


def warn(context: "StageContext", found: "Sequence[Alarm]") -> None:
    """Raise warnings."""
    for alarm in found:
        context.emit(Warned(context.stage, alarm.code, alarm.text))
