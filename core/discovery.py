"""Finds what is declared: by the modules of a folder, and by installed packages through an entry point (no torch)."""

import importlib.util
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

_PROBLEMS: dict[str, None] = {}


def found(package: str, group: str) -> tuple[ModuleType, ...]:
    """Import the modules of a package, then those that installed packages name under an entry point group.

    Args:
        package: dotted name; its modules are taken in alphabetical order, without those whose name begins with `_`.
        group: such as `prusc_tui.data`; an entry point names a module, or something in one.

    Returns:
        The modules. An entry point that cannot be imported is left out, with a sentence in `problems()`.
    """
    return declared(package, group, _itself)


@cache
def declared(package: str, group: str, read: Callable[[ModuleType], Iterable[T]]) -> tuple[T, ...]:
    """Collect what the modules of `found` declare.

    Args:
        package: as `found`.
        group: as `found`.
        read: a function of a module, which returns what the module declares. What it raises about a module of `package`
            is a bug and is raised; about one of another package it becomes a sentence in `problems()`.
    """
    things = [thing for module in _own(package) for thing in read(module)]
    for entry in _entries(group):
        try:
            things += read(_module(entry))
        except (Exception, SystemExit) as error:  # other people's code: whatever it does, the program goes on
            said = " ".join(str(error).split()) or type(error).__name__
            complain(f"{_title(entry)} is left out: {said}")
    return tuple(things)


def names(package: str, group: str) -> tuple[str, ...]:
    """Names of the modules and of the entry points of `found`; none of them is imported."""
    return (*_own_names(package), *(entry.name for entry in _entries(group)))


def import_stages() -> None:
    """Import every stage, those of installed packages too, so that their settings and events are known."""
    found("core.stages", "prusc_tui.recipes")


def complain(sentence: str) -> None:
    """Add a sentence to `problems()`, once."""
    _PROBLEMS[sentence] = None


def problems() -> tuple[str, ...]:
    """What is wrong with installed packages that declare something, as far as they have been looked for: sentences."""
    return tuple(_PROBLEMS)


def forget() -> None:
    """Forget what was found, so that it is looked for again."""
    declared.cache_clear()
    _entry_points.cache_clear()
    _PROBLEMS.clear()


def _itself(module: ModuleType) -> tuple[ModuleType]:
    return (module,)


def _own(package: str) -> list[ModuleType]:
    return [importlib.import_module(f"{package}.{name}") for name in _own_names(package)]


def _own_names(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    return sorted(module.name for module in pkgutil.iter_modules(folders or ()) if not module.name.startswith("_"))


def _entries(group: str) -> "list[EntryPoint]":
    return sorted(_entry_points().select(group=group), key=lambda entry: entry.name)


@cache
def _entry_points() -> Any:
    """All of them at once, as every look at the installed packages takes a while."""
    from importlib.metadata import entry_points

    return entry_points()


def _module(entry: "EntryPoint") -> ModuleType:
    entry.load()  # says what is wrong if the module lacks what the entry point names
    return importlib.import_module(entry.module)


def _title(entry: "EntryPoint") -> str:
    of = f" of package {entry.dist.name}" if entry.dist is not None else ""
    return f"'{entry.name}'{of} (entry point group {entry.group}, {entry.value})"
