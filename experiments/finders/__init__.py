"""The finders by name: one file each in this folder, and those of installed packages."""

from collections.abc import Iterable
from types import ModuleType

from core.config import Config
from core.discovery import declared
from core.engine.stage import Stage
from core.errors import InputError, nearest
from core.stages.find import FindPseudoGroups
from experiments.finder import Finder

GROUP = "prusc_tui.finders"
"""Entry point group under which an installed package names modules with finders."""
AUTO = "auto"
"""Value of `find.by` for the best of the cheap finders."""
FILE = "file"
"""Name of the finder that `find.file` asks for."""


def finders() -> dict[str, Finder]:
    """Name → finder, in alphabetical order."""
    by_name: dict[str, Finder] = {}
    for finder in declared(__name__, GROUP, _read):
        by_name.setdefault(finder.name, finder)
    return dict(sorted(by_name.items()))


def choices() -> dict[str, str]:
    """Value of `find.by` → summary."""
    known = finders()
    cheap = ", ".join(name for name, finder in known.items() if finder.cheap)
    auto = f"The best of {cheap}, by the worst cell on validation with the head refitted; no group labels used."
    return {name: finder.summary for name, finder in known.items()} | {AUTO: auto}


def chosen(config: Config) -> tuple[Finder, ...]:
    """The finders of a configuration: one, or all that `auto` tries.

    Raises:
        InputError: `find.by` is unknown, or does not fit the other settings.
    """
    known = finders()
    if config.find.file:
        names = [FILE]
    elif config.find.by == AUTO:
        names = [name for name, finder in known.items() if finder.cheap]
    else:
        names = [config.find.by]
    if names[0] not in known:
        word = config.find.by
        raise InputError(f"find.by: unknown finder '{word}'{nearest(word, [*known, AUTO])} (see: prusc recipes)")
    return tuple(known[name] for name in names)


def finding(config: Config) -> tuple[Stage, ...]:
    """The stages after ERM that find the pseudo-groups, `find` at the end.

    Raises:
        InputError: `find.by` is unknown.
    """
    chains = [finder.stages(config) for finder in chosen(config)]
    stages = {stage.name: stage for chain in chains for stage in chain}  # finders may share a stage
    sources = tuple(chain[-1].name for chain in chains)
    last = FindPseudoGroups(config.find, config.model, sources, "represent" in stages, config.compute)
    return (*stages.values(), last)


def _read(module: ModuleType) -> Iterable[Finder]:
    found = [value for value in vars(module).values() if isinstance(value, Finder)]
    if not found:
        raise ValueError("it declares no finder")
    return found
