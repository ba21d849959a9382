"""Whether what an index has is the summaries of runs, as `RunRecord.summary` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal, get_args

from core.fits import json_kinds
from core.runs.record import INDEXED, RunRecord, RunStatus, number_of

Flaw = Literal["damaged", "older"]
"""Older: written by a version whose summaries had fewer fields."""

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


def flaw(runs: Mapping[str, Any]) -> Flaw | None:
    """What keeps an index from use, given each number of a run → what JSON has of it; None for summaries of runs."""
    older = False
    for number, run in runs.items():
        id = run.get("id") if isinstance(run, dict) else None
        try:
            if not isinstance(id, str) or str(number_of(id)) != number:
                return "damaged"
        except ValueError:  # no run can have this id
            return "damaged"
        try:
            kinds = tuple(map(type, _values(run)))
        except KeyError:
            older = True
        else:
            if not _fit(kinds) or not _contents_fit(run):
                return "damaged"
    return "older" if older else None


def _contents_fit(run: Mapping[str, Any]) -> bool:
    return (
        run["status"] in _STATUSES
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
