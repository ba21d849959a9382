"""The settings of several runs side by side: which differ, and the shortest words that tell the runs apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.runs.record import RunRecord

T = TypeVar("T")


class Absent:
    """Stands for a setting that a run does not have; None is a value that a setting can have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting over all runs that are compared.

    Attributes:
        key: dotted, as in the config.
        values: of each run, in their order; ABSENT where a run does not have it.
        differs: whether two runs have different values.
    """

    key: str
    values: tuple[Any, ...]
    differs: bool

    @property
    def is_seed(self) -> bool:
        """Whether this is the seed of the run; the seed of the data is a setting like any other."""
        return self.key == "seed"


def settings(records: Sequence[RunRecord]) -> list[Setting]:
    """Every setting of any of the runs: the seed first, then recipe and data, then the rest in the config's order."""
    flat = [_settings(record) for record in records]
    found = []
    for key in merged([list(one) for one in flat]):
        values = tuple(one.get(key, ABSENT) for one in flat)
        found.append(Setting(key, values, any(_text(value) != _text(values[0]) for value in values)))
    return found


def identity(record: RunRecord) -> str:
    """One text for runs that differ by seed alone."""
    flat = {key: value for key, value in _settings(record).items() if key != "seed"}
    return repr(sorted((key, _text(value)) for key, value in flat.items()))


def labels(heads: Sequence[RunRecord]) -> list[str]:
    """Short names that are all different: recipe and data where they tell, then as few other settings as do."""
    rows = [
        [_word(one.key, value) for value in one.values] for one in settings(heads) if one.differs and not one.is_seed
    ]
    names = []
    for index, head in enumerate(heads):
        words: list[str] = []
        rivals = set(range(len(heads))) - {index}
        for row in rows:
            left = {other for other in rivals if row[other] == row[index]}
            if len(left) < len(rivals):
                words.append(row[index])
                rivals = left
        names.append(" ".join(words) or head.recipe)
    return names


def show(value: Any) -> str:
    """A setting as a person would type it; a dash where a run does not have it."""
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
    """All items in one order; one that the first orders lack comes behind the one that it follows in its own."""
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
    from core.config import flatten  # pydantic comes with it, which a screen does not need to start

    own = {"seed": record.seed, "recipe": record.recipe, "data.name": record.data}
    return own | {key: value for key, value in flatten(dict(record.config)) if key not in own}


def _text(value: Any) -> bytes:
    """One text for equal values; a list and a tuple are equal, ABSENT is equal to nothing that a config can hold."""
    import orjson

    return b"absent" if value is ABSENT else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _word(key: str, value: Any) -> str:
    bare = key in ("recipe", "data.name")
    return show(value) if bare else f"{key}={show(value)}"
