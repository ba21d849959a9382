"""Whether a value read from JSON is of the type that a field declares (no torch)."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Check = Callable[[Any], bool]

_JSON: tuple[type, ...] = (NoneType, bool, int, float, str, list, dict)
_PLAIN = (str, bool, NoneType)


def misfit(cls: type, value: Mapping[str, Any], *, nan: bool = False) -> str | None:
    """Name of the first field of a dataclass for which `value` has something of another kind; None if all fit.

    Missing fields fit, and so does everything where a field is declared with a class of its own, which reads it itself.
    With `nan`, null is a float, as NaN is written.
    """
    for name, known, fits in _checks(cls, nan):
        if name in value and not (fits(value[name]) if known is None else type(value[name]) in known):
            return name
    return None


def json_kinds(cls: type) -> dict[str, frozenset[type]]:
    """The kinds of JSON that each field of a dataclass may have, whatever is in a list or an object."""
    return {name: frozenset(kind for kind in _JSON if fits(kind())) for name, _, fits in _checks(cls, False)}


@cache
def _checks(cls: type, nan: bool) -> tuple[tuple[str, frozenset[type] | None, Check], ...]:
    """Name of each field, its types of JSON if it is of a plain one, which need no call, and its check."""
    try:
        kinds = get_type_hints(cls)
    except NameError:  # a class of an installed package whose annotations need names that only a type checker has
        return ()
    declared = ((field.name, kinds[field.name]) for field in dataclasses.fields(cls))
    return tuple((name, _types(kind, nan), _check(kind, nan)) for name, kind in declared)


@cache
def _check(kind: Any, nan: bool) -> Check:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        checks = [_check(each, nan) for each in inner]
        return lambda value: any(check(value) for check in checks)
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in inner
    if isinstance(origin, type) and issubclass(origin, Mapping):
        every = _every(inner[1], nan)
        return lambda value: isinstance(value, dict) and every(value.values())
    if isinstance(origin, type) and issubclass(origin, Sequence):
        all_of = _every(inner[0], nan)
        return lambda value: isinstance(value, (list, tuple)) and all_of(value)
    known = _types(kind, nan)
    return (lambda _: True) if known is None else (lambda value: type(value) in known)


def _every(kind: Any, nan: bool) -> Callable[[Iterable[Any]], bool]:
    """Whether all of some values are of the type; one call for plain types, as events have very many numbers."""
    known = _types(kind, nan)
    if known is not None:
        return lambda values: known.issuperset(map(type, values))
    check = _check(kind, nan)
    return lambda values: all(map(check, values))


def _types(kind: Any, nan: bool) -> frozenset[type] | None:
    """The types of JSON that a plain type takes; None for any other type."""
    if kind is float:
        return frozenset((int, float, NoneType) if nan else (int, float))
    return frozenset([kind]) if kind in (int, *_PLAIN) else None
