"""Settings of earlier versions: their new names, and what was done before there was a setting (no torch)."""

from collections.abc import Iterator, Mapping
from typing import Any

RENAMED: Mapping[str, str] = {
    "cluster.file": "find.file",
    "environments.relative": "cluster.relative",
    "finetune.head_penalty": "head.penalty",
}
"""Dotted key of an earlier version → today's."""
METHOD = "cluster.method"
"""Key of the version that had no finders but clusters: every run of it stored this one."""


BEFORE: Mapping[str, Any] = {"biased.second_opinion": False, "best.offsets": False}
"""Dotted key of a setting that changes results by default → what all runs did whose records do not have it."""


def as_recorded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the settings in the record of a run, with what its version did where it had no setting yet."""
    new = migrated(settings)
    for key, value in BEFORE.items():
        _set(new, key, value)
    return new


def migrated(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested settings in which old keys have their new names.

    A setting given under both names keeps the value of the new one.
    """
    new = {name: dict(value) if isinstance(value, Mapping) else value for name, value in settings.items()}
    for old, key in RENAMED.items():
        if (value := _pop(new, old)) is not None:
            _set(new, key, value)
    if (method := _pop(new, METHOD)) is not None:
        _set(new, "find.by", "random" if method == "random" else "clusters")
    return new


def old_names(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Old and new name of every setting that `migrated` would rename."""
    for old, key in (*RENAMED.items(), (METHOD, "find.by")):
        section, _, name = old.partition(".")
        if isinstance(settings.get(section), Mapping) and name in settings[section]:
            yield old, key


def _pop(settings: dict[str, Any], key: str) -> Any:
    section, _, name = key.partition(".")
    inside = settings.get(section)
    return inside.pop(name, None) if isinstance(inside, dict) else None


def _set(settings: dict[str, Any], key: str, value: Any) -> None:
    section, _, name = key.partition(".")
    settings.setdefault(section, {}).setdefault(name, value)
