"""Fields for filtering and sorting runs, and comparisons with values typed by the user."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from core.errors import InputError, nearest
from core.runs.text import safe_text

Summary = Mapping[str, Any]
Test = Callable[[Summary], bool]

MISSING = "none"
"""Stands for a missing value in a filter."""

_AS_SHOWN = 0.0005
"""Half of the last digit of a share displayed as 83.4 %."""

_NUMBER = re.compile(r"(?P<digits>[+-]?(?:\d+(?:\.(?P<decimals>\d*))?|\.(?P<only>\d+)))(?P<unit>%|s|m|h|d)?")
_UNITS = {None: 1.0, "%": 0.01, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its kind, and how to read it from a summary (`RunRecord.summary`)."""

    kind: Literal["text", "tags", "number", "duration", "time"]
    read: Callable[[Summary], Any]

    @property
    def textual(self) -> bool:
        return self.kind in ("text", "tags")


def _sparsity(summary: Summary) -> float | None:
    keep = summary["keep_ratio"]
    return None if keep is None else 1.0 - keep


_TEXTS = (
    "id name status recipe preset data selection attributes_used note wga_split stage host forked_from device reason"
)
FIELDS: dict[str, Field] = {
    **{name: Field("text", itemgetter(name)) for name in _TEXTS.split()},
    **{name: Field("number", itemgetter(name)) for name in ("seed", "wga", "average", "keep_ratio", "pid")},
    **{name: Field("time", itemgetter(name)) for name in ("created", "started", "ended")},
    "seconds": Field("duration", itemgetter("seconds")),
    "sparsity": Field("number", _sparsity),
    "tag": Field("tags", itemgetter("tags")),
}
ALIASES = {"avg": "average", "duration": "seconds", "tags": "tag", "attributes": "attributes_used"}


def field_named(word: str, where: str) -> str:
    """Name of the field for `word`, a field or an alias in any case.

    Raises InputError, which begins with `where`, if there is none; the message has the closest one.
    """
    name = ALIASES.get(word.lower(), word.lower())
    if name not in FIELDS:
        known = [*FIELDS, *ALIASES]
        hint = nearest(word.lower(), known) or f" (known: {', '.join(sorted(known))})"
        raise InputError(f"{where}: unknown field '{safe_text(word)}'{hint}")
    return name


def text_of(value: Any) -> str:
    """Return a text, or the tags as one text, for case-insensitive comparison."""
    return (" ".join(value) if isinstance(value, (list, tuple)) else str(value)).casefold()


def condition(name: str, operator: str, value: str) -> Test:
    """Return a function that tests `name operator value`; operators are = != > >= < <= ~ and `:`.

    The value is as typed: a number (`0.8`, `80%`), a duration (`90s`, `5m`, `2h`), a date (`2026-01-31`), text or
    `none`. Raises ValueError if operator or value are invalid for the field.
    """
    field = FIELDS[name]
    if field.textual:
        if operator in ("<", "<=", ">", ">="):
            raise ValueError(f"'{name}' is text and cannot be compared by size: use = != ~ or :")
        equal = _has_tag(field, operator, value) if field.kind == "tags" else _has_text(field, operator, value)
    else:
        if operator == "~":
            raise ValueError(f"'{name}' is a number: use = != < <= > or >=")
        equal = _has_number(field, operator, value)
    return (lambda summary: not equal(summary)) if operator == "!=" else equal


def contains(value: str) -> Test:
    """Return a function that tests whether id, name, note, recipe, data or a tag contains a text, in any case."""
    word = value.casefold()

    def test(run: Summary) -> bool:
        # All at once, as every letter typed tests every run; a NUL, which nobody can type, keeps the texts apart.
        texts = (run["id"], run["name"] or "", run["note"] or "", run["recipe"] or "", run["data"] or "", *run["tags"])
        return word in "\0".join(texts).casefold()

    return test


def _has_text(field: Field, operator: str, value: str) -> Test:
    word = value.casefold()
    if operator in ("~", ":"):
        return lambda summary: word in (field.read(summary) or "").casefold()
    return lambda summary: (field.read(summary) or MISSING).casefold() == word


def _has_tag(field: Field, operator: str, value: str) -> Test:
    word = value.casefold()
    if operator == "~":
        return lambda summary: any(word in tag.casefold() for tag in field.read(summary))
    return lambda summary: any(tag.casefold() == word for tag in field.read(summary) or (MISSING,))


def _has_number(field: Field, operator: str, value: str) -> Test:
    read = field.read
    if value.casefold() == MISSING and operator in ("=", "!=", ":"):
        return lambda summary: read(summary) is None
    low, high, slack = _date(value) if field.kind == "time" else _number(value)
    if field.kind == "number":
        slack = min(slack, _AS_SHOWN)
    tests: dict[str, Callable[[float], bool]] = {
        "<": lambda number: number < low,
        "<=": lambda number: number <= high,
        ">": lambda number: number > high,
        ">=": lambda number: number >= low,
        "=": lambda number: low - slack <= number <= high + slack,
    }
    holds = tests.get(operator, tests["="])
    return lambda summary: (number := read(summary)) is not None and holds(number)


class _Range(NamedTuple):
    """Range of a typed value; equality extends it by `slack`, so that `=` matches numbers displayed as the value."""

    low: float
    high: float
    slack: float


def _number(value: str) -> _Range:
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise ValueError(f"'{safe_text(value)}' is not a number such as 0.8, 80% or 5m")
    unit = _UNITS[match["unit"]]
    number = float(match["digits"]) * unit
    return _Range(number, number, 0.5 * unit * 10.0 ** -len(match["decimals"] or match["only"] or ""))


def _date(value: str) -> _Range:
    try:
        begin = datetime.fromisoformat(value)
        length = timedelta(minutes=1) if len(value) > len("2026-01-31") else timedelta(days=1)
        return _Range(begin.timestamp(), (begin + length).timestamp() - 1e-6, 0.0)
    except (ValueError, OverflowError):
        raise ValueError(f"'{safe_text(value)}' is not a date such as 2026-01-31 or 2026-01-31T18:30") from None
