"""Base of all variants of stage `environments`."""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import ENVIRONMENTS
from core.engine.stage import Stage
from core.events import EnvironmentsMade, Warned

if TYPE_CHECKING:
    from core.clustering.composition import Finding
    from core.engine.context import StageContext
    from core.invariance.environments import Booleans, Environments


@dataclass(frozen=True)
class MakeEnvironments(Stage, ABC):
    """A stage that makes environments of the training samples."""

    name: ClassVar[str] = "environments"
    files: ClassVar[Mapping[str, str]] = {r"environments\.safetensors": "training images of each environment"}


def save(
    context: "StageContext", environments: "Environments", source: str, conflicts: "Booleans | None" = None
) -> None:
    """Save environments, report their composition, and emit warnings; attributes are counted, but not used.

    Args:
        context: of the stage.
        environments: of the training split.
        source: description of their origin.
        conflicts: bool [n], whether each training sample is a presumed conflict; None if not applicable.
    """
    from core.data.dataset import groups
    from core.groups import group_names
    from core.invariance.environments import save_environments
    from core.invariance.makeup import environment_warnings, makeup, quality

    data = context.data
    train = data.splits["train"]
    table = makeup(environments, train.labels, len(data.label_names))
    names: list[str] = []
    group_table: list[list[int]] = []
    found = {} if conflicts is None else {"found": int(conflicts.sum())}
    if data.attributes:
        names = group_names(data.label_names, data.attributes)
        group_table = makeup(environments, groups(train, data), len(names)).tolist()
        if conflicts is not None and len(data.attributes) == 1:
            found = asdict(quality(conflicts, train.labels, train.attributes[:, 0]))
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
        warn(context, environment_warnings(environments, table, data.label_names))
    save_environments(context.directory / ENVIRONMENTS, environments)


def warn(context: "StageContext", findings: "Sequence[Finding]") -> None:
    """Emit findings as warnings."""
    for finding in findings:
        context.emit(Warned(context.stage, finding.code, finding.text))
