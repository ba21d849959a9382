"""Events: the typed records in the stream of a run (no torch).

A record is one line of JSON: `{"kind": …, "t": seconds since 1970, …fields}`. Readers skip unknown kinds and fields, so
an older program can read a newer stream. A stage may define its own events: a subclass of `Event` with a `kind` is
registered by its definition, and stored, logged and shown like those below.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any, ClassVar, Self

import orjson

from core.fits import misfit

KINDS: dict[str, type["Event"]] = {}
"""Kind → event class; filled by the definitions of the classes."""
_NAMES: dict[type["Event"], tuple[str, ...]] = {}
_VALUES: dict[type["Event"], Callable[[Mapping[str, Any]], tuple[Any, ...]]] = {}
"""Event class → function from a record to the values of all fields."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of the stream.

    Attributes:
        kind: unique name in the stream.
        lasting: whether it describes the result of a stage, not its progress. Lasting events are kept with the
            artifacts of their stage and repeated in the stream of a run that reuses them.
    """

    kind: ClassVar[str] = ""
    lasting: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        known = KINDS.setdefault(cls.kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"two events have the kind '{cls.kind}': {known.__qualname__} and {cls.__qualname__}")
        KINDS[cls.kind] = cls  # `slots` creates every class twice; the second one is in use

    @property
    def lasts(self) -> bool:
        """Whether this particular event is lasting."""
        return self.lasting

    @property
    def whole(self) -> bool:
        """Whether its parts fit together, such as the lengths of lists; if not, readers skip it."""
        return True

    def replaces(self, old: "Event") -> bool:
        """Whether this event supersedes `old`, a lasting event of the same stage."""
        return type(old) is type(self)

    def line(self) -> str | None:
        """The event as one log line; None for events that are too frequent for a log."""
        return None

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        """Make the event from the values of its record; unknown ones are ignored."""
        if cls not in _VALUES:
            names = names_of(cls)
            _VALUES[cls] = itemgetter(*names) if len(names) > 1 else lambda of: tuple(of[name] for name in names)
        try:
            return cls(*_VALUES[cls](values))  # much faster than by name, and streams are long
        except (KeyError, TypeError):  # fields are missing, as in the stream of an older version, or only take names
            return cls(**{name: values[name] for name in names_of(cls) if name in values})


def names_of(kind: type[Event]) -> tuple[str, ...]:
    """Names of the fields of a class of events."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(f.name for f in fields(kind))
    return _NAMES[kind]


@dataclass(frozen=True, slots=True)
class Stamped:
    """An event with its time, in seconds since 1970."""

    t: float
    event: Event


def latest(events: Sequence[Event], new: Event) -> list[Event]:
    """Add a lasting event of a stage: those that it replaces are removed, and it comes last."""
    return [*(old for old in events if not new.replaces(old)), new]


def encode(event: Event, t: float) -> bytes:
    """Return the event as one line that ends in a newline; NaN and infinities become null."""
    values = {name: getattr(event, name) for name in names_of(type(event))}
    plain = {name: value.to_json() if hasattr(value, "to_json") else value for name, value in values.items()}
    return orjson.dumps(
        {"kind": event.kind, "t": t, **plain}, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    )


def decode(line: bytes) -> Stamped | None:
    """Parse one line; None if its kind is unknown, or it is not an event with values of the kinds of its fields."""
    try:
        value = orjson.loads(line)
        if value["kind"] not in KINDS:
            from core import discovery

            discovery.import_stages()  # an unknown kind may be one that a stage defines
        kind = KINDS[value["kind"]]
        if not isinstance(value["t"], (int, float)) or misfit(kind, value, nan=True) is not None:
            return None
        event = kind.from_fields(value)
        return Stamped(value["t"], event) if event.whole else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
