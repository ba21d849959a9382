"""Find declarations in the modules of a package and, by entry points, in installed packages (no torch)."""

import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
C = TypeVar("C")

_PROBLEMS: dict[str, None] = {}


@cache
def declared(package: str, group: str, read: Callable[[ModuleType], Iterable[T]]) -> tuple[T, ...]:
    """Collect the declarations of the modules of a package, then of installed packages.

    The modules are read in alphabetical order, except those whose names begin with `_`. Entry points of `group`, such
    as `prusc_tui.data`, name a module or something in one. `read` returns the declarations of a module: its errors are
    raised for a module of `package`; for another package they become a message in `problems()`, and the entry point is
    ignored.
    """
    things = [thing for name in _own_names(package) for thing in read(importlib.import_module(f"{package}.{name}"))]
    for entry in _entries(group):
        try:
            entry.load()  # raises a clear error if the module does not have the named object
            things += read(importlib.import_module(entry.module))
        except (Exception, SystemExit) as error:  # other people's code must not end the program
            message = " ".join(str(error).split()) or type(error).__name__
            of = f" of package {entry.dist.name}" if entry.dist is not None else ""
            complain(f"'{entry.name}'{of} (entry point group {entry.group}, {entry.value}) is ignored: {message}")
    return tuple(things)


def names(package: str, group: str) -> tuple[str, ...]:
    """Names of the modules and entry points that `declared` reads, without importing them."""
    return (*_own_names(package), *(entry.name for entry in _entries(group)))


def file_names(package: str) -> list[str]:
    """Names of the modules of a package as a user types them, `-` for `_`, without importing them."""
    return [name.replace("_", "-") for name in _own_names(package)]


def subclasses(package: str, base: type[C]) -> list[type[C]]:
    """The subclasses of `base` that the modules of an imported package define, in alphabetical order of the modules."""
    found = pkgutil.iter_modules(sys.modules[package].__path__, f"{package}.")
    modules = [importlib.import_module(module.name) for module in found]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
    ]


def import_stages() -> None:
    """Import every stage, those of installed packages too, so that their settings and events are known."""
    for group in ("prusc_tui.recipes", "prusc_tui.finders"):
        declared("core.stages", group, _itself)


def complain(sentence: str) -> None:
    """Add a message to `problems()`, once."""
    _PROBLEMS[sentence] = None


def problems() -> tuple[str, ...]:
    """Messages about the installed packages found so far that cannot be used."""
    return tuple(_PROBLEMS)


def forget() -> None:
    """Clear all caches, so that declarations are read again."""
    declared.cache_clear()
    _entry_points.cache_clear()
    _PROBLEMS.clear()


def _own_names(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    return sorted(module.name for module in pkgutil.iter_modules(folders or ()) if not module.name.startswith("_"))


def _entries(group: str) -> "list[EntryPoint]":
    return sorted(_entry_points().select(group=group), key=lambda entry: entry.name)


@cache
def _entry_points() -> Any:
    """All entry points; cached, as reading the installed packages is slow."""
    from importlib.metadata import entry_points

    return entry_points()


def _itself(module: ModuleType) -> tuple[ModuleType]:
    return (module,)
