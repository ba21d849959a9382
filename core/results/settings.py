"""Settings of several runs: which of them differ, and the shortest labels that distinguish the runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from core.runs.record import RunRecord

T = TypeVar("T")


class Absent:
    """Marks a setting that a run does not have, as None can be the value of a setting."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()
LONGEST = 32
"""Characters of the longest value that labels and tables of settings show whole."""
DRAW = "data.seed"
"""Key of the seed of the draw of the data."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting over all compared runs; the value of a run that does not have it is ABSENT.

    Its key is dotted, as in the config.
    """

    key: str
    values: tuple[Any, ...]
    differs: bool

    @property
    def is_seed(self) -> bool:
        """Whether this is the seed of the run; other seeds, such as that of the data, are ordinary settings."""
        return self.key == "seed"

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as text, long ones named in short (`[18 items]`); different values have different texts."""
        long: dict[str, list[str]] = {}  # name → the values that it could stand for
        named = [_named(value) for value in self.values]
        for name, whole in named:
            if whole and whole not in long.setdefault(name, []):
                long[name].append(whole)
        return tuple(
            f"{name}#{long[name].index(whole) + 1}" if whole and len(long[name]) > 1 else name for name, whole in named
        )


class Label(NamedTuple):
    """A label, and a line for each long value that it names in short, with the whole value."""

    text: str
    long: tuple[str, ...]


def settings(records: Sequence[RunRecord]) -> list[Setting]:
    """All settings of the runs: seed, recipe and data first, then the others in the order of the config."""
    flat = [_settings(record) for record in records]
    found = []
    for key in merged([list(one) for one in flat]):
        values = tuple(one.get(key, ABSENT) for one in flat)
        found.append(Setting(key, values, any(_text(value) != _text(values[0]) for value in values)))
    return found


def identity(record: RunRecord, but: Collection[str] = ("seed",)) -> str:
    """Text that is equal for runs that differ only by seed, or by other keys that do not count."""
    flat = {key: value for key, value in _settings(record).items() if key not in but}
    return repr(sorted((key, _text(value)) for key, value in flat.items()))


def draw(record: RunRecord) -> int | None:
    """Seed of the draw of the data; None for data that are not drawn."""
    value = _settings(record).get(DRAW)
    return value if isinstance(value, int) else None


def labels(heads: Sequence[RunRecord]) -> list[Label]:
    """Short distinct labels: recipe and data if they differ, then as few other settings as possible."""
    shown = [one for one in settings(heads) if one.differs and not one.is_seed]
    rows = [("" if one.key in ("recipe", "data.name") else f"{one.key}=", one.texts, long_values(one)) for one in shown]
    found = []
    for index, head in enumerate(heads):
        words: list[str] = []
        long: list[str] = []
        rivals = set(range(len(heads))) - {index}
        for key, texts, whole in rows:
            left = {other for other in rivals if texts[other] == texts[index]}
            if len(left) < len(rivals):
                words.append(key + texts[index])
                long += [whole[texts[index]]] if texts[index] in whole else []
                rivals = left
        found.append(Label(" ".join(words) or head.recipe, tuple(long)))
    return found


def long_values(shown: Setting) -> dict[str, str]:
    """Name of each value that is named in short → a line with the key, the name and the whole value."""
    return {
        text: f"{shown.key}={text}: {show(value)}"
        for text, value in zip(shown.texts, shown.values, strict=True)
        if _named(value)[1]
    }


def show(value: Any) -> str:
    """Value of a setting as a user would type it; a dash if a run does not have it."""
    if value is ABSENT:
        return "–"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, float):
        return text if float(text := f"{value:g}") == value else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(show(item) for item in value) + "]"
    return str(value)


def merged(orders: Sequence[Sequence[T]]) -> list[T]:
    """Merge orders: an item that is missing from earlier orders is inserted after its predecessor in its own."""
    out: list[T] = []
    for order in orders:
        at = 0
        for item in order:
            if item in out:
                at = out.index(item) + 1
            else:
                out.insert(at, item)
                at += 1
    return out


def _settings(record: RunRecord) -> dict[str, Any]:
    from core.config import flatten  # lazy, as it imports pydantic

    own = {"seed": record.seed, "recipe": record.recipe, "data.name": record.data}
    return own | {key: value for key, value in flatten(dict(record.config)) if key not in own}


def _named(value: Any) -> tuple[str, str]:
    """Name of a value in a table, and its whole text if the name is shorter, else an empty one."""
    whole = show(value)
    if len(whole) <= LONGEST:
        return whole, ""
    if isinstance(value, Mapping):
        return f"{{{len(value)} keys}}", whole
    if isinstance(value, (list, tuple)):
        return f"[{len(value)} item{'s' * (len(value) != 1)}]", whole
    half = (LONGEST - 1) // 2
    return f"{whole[:half]}…{whole[-half:]}", whole


def _text(value: Any) -> bytes:
    """Equal bytes for equal values; a list equals a tuple, and ABSENT differs from every value."""
    import orjson

    return b"absent" if value is ABSENT else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
