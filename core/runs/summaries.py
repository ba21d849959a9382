"""Whether what an index has is the summaries of runs, as `RunRecord.summary` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import itemgetter
from typing import Any, get_args

from core.fits import json_kinds
from core.runs.record import INDEXED, RunRecord, RunStatus, number_of

_STATUSES = frozenset(get_args(RunStatus))
_TEXT = frozenset({str})


@dataclass(frozen=True)
class _Derived:
    """Kinds of the fields of a summary that are not fields of the record."""

    tags: tuple[str, ...]
    wga: float | None
    wga_split: str | None
    average: float | None
    keep_ratio: float | None
    harm: tuple[str, ...]
    stage: str | None
    stage_keys: Mapping[str, str]


def are_summaries(runs: Mapping[str, Any]) -> bool:
    """Whether each value, read from JSON, is a summary with every field, and each key the number of its run."""
    try:
        return all(_is_summary(run) and str(number_of(run["id"])) == number for number, run in runs.items())
    except ValueError:  # an id is none
        return False


def _is_summary(run: Any) -> bool:
    try:
        kinds = tuple(map(type, _values(run)))
    except (KeyError, TypeError):  # a field is missing, or it is no object
        return False
    return (
        _fit(kinds)
        and run["status"] in _STATUSES
        and _TEXT.issuperset(map(type, run["tags"]))
        and _TEXT.issuperset(map(type, run["harm"]))
        and _TEXT.issuperset(map(type, run["stage_keys"].values()))
    )


_FIELDS = (*INDEXED, *(field.name for field in fields(_Derived)))
_values = itemgetter(*_FIELDS)


@lru_cache(1024)
def _fit(kinds: tuple[type, ...]) -> bool:
    """Whether the fields may have these kinds of JSON; thousands of runs have few combinations of them."""
    may = {**json_kinds(RunRecord), "status": _TEXT, **json_kinds(_Derived)}
    return all(kind in may[name] for name, kind in zip(_FIELDS, kinds, strict=True))
