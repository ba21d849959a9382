"""Pseudo-groups from a table of the user."""

from core.config import Config
from core.engine.stage import Stage
from core.errors import InputError
from core.stages.groups_file import TakeGroups
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Read the table.

    Raises:
        InputError: no table is named.
    """
    if not config.find.file:
        raise InputError("find.by=file needs a table: pass it with --groups FILE (find.file)")
    return (TakeGroups(config.find, config.data),)


FROM_FILE = Finder(
    name="file",
    summary="A table with the pseudo-group of every training image (--groups FILE).",
    stages=stages,
)
