"""Methods against label noise: tables from finished runs, next to published numbers (no torch)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from core.config import Find, config_model, flatten
from core.config.renamed import as_recorded
from core.data.sets.cmnist import Cmnist
from core.data.splits import SPLITS
from core.errors import InputError, nearest
from core.results.restarts import STAGE, Pool, pool, splits, weights
from core.runs.record import RunRecord
from experiments.catalog import get_study
from experiments.finders import choices
from experiments.recipes import RECIPES
from experiments.tables.published import ANCHORS, PROTOCOL, Anchor

NOISE, SIZE = "data.label_noise", "data.train_size"
WEIGHT = "train.penalty_weights"
"""In the settings of a row: the single weight of its networks."""
_COUNTS = ("recipe", "seed", "train.restarts", NOISE)
"""Settings that decide the number of networks and their cell, not how one is trained."""


@dataclass(frozen=True)
class Kind:
    """A kind of table: its data set, summary, and the study that makes its runs and orders its rows."""

    data: str
    summary: str
    study: str


TABLES = {
    "cmnist": Kind("cmnist", "methods × label noise on ColoredMNIST, beside published numbers", "cmnist-study"),
}


@dataclass(frozen=True)
class Row:
    """One method with one choice of settings.

    Attributes:
        recipe: its recipe.
        title: name of the method in a paper.
        supervision: `attributes_used` of its runs.
        settings: dotted key → value, if it differs from most rows that read it.
        weight: penalty weight; None for an objective without one.
        cells: label noise → split → its networks.
    """

    recipe: str
    title: str
    supervision: str
    settings: Mapping[str, Any]
    weight: float | None
    cells: Mapping[float, Mapping[str, Pool]]


@dataclass(frozen=True)
class MethodTable:
    """Runs on data that differs only in label noise.

    Attributes:
        data: settings of the data in common.
        settings: other settings of most rows that read them, if not the defaults.
        noises: label noise of the columns, ascending.
        rows: in the order of the study.
        published: anchors measured on such data, with at least one of the columns.
    """

    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    noises: tuple[float, ...]
    rows: tuple[Row, ...]
    published: tuple[Anchor, ...]


@dataclass(frozen=True)
class _Entry:
    """The networks of one penalty weight of one run."""

    record: RunRecord
    weight: float
    noise: float
    data: Mapping[str, Any]
    settings: Mapping[str, Any]


def kind_of(name: str) -> Kind:
    """Return the table called `name`.

    Raises:
        InputError: there is none; the message lists all tables.
    """
    if name not in TABLES:
        raise InputError(f"unknown table '{name}'{nearest(name, list(TABLES))} (tables: {', '.join(TABLES)})")
    return TABLES[name]


def method_tables(records: Iterable[RunRecord], kind: Kind) -> list[MethodTable]:
    """Return tables of finished runs: one for each setting of the data other than label noise, small data first.

    Runs that computed the same, as they differ only in settings that their recipe does not read, count once.
    """
    able = [r for r in records if r.status == "finished" and r.data == kind.data and splits(r)]
    groups: dict[bytes, list[_Entry]] = {}
    for record in _distinct(able):
        for weight in weights(record):
            entry = _entry(record, weight)
            groups.setdefault(_text(entry.data), []).append(entry)
    order = get_study(kind.study).recipes
    return [_table(groups[key], order) for key in sorted(groups, key=lambda k: (groups[k][0].data[SIZE], k))]


def _distinct(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Leave out runs whose networks are those of an older run with other settings."""
    first: dict[str, RunRecord] = {}
    kept = []
    for record in sorted(records, key=lambda r: r.created or 0.0):
        older = first.setdefault(record.stage(STAGE).key or record.id, record)
        if older.config == record.config:
            kept.append(record)
    return kept


def _entry(record: RunRecord, weight: float) -> _Entry:
    # Settings that an older version did not have take today's defaults.
    flat = _defaults() | dict(flatten(as_recorded(record.config)))
    fixed = _fixed(record.recipe)
    data = {
        key: Cmnist.model_fields[key.removeprefix("data.")].default if key in fixed else value
        for key, value in flat.items()
        if key.startswith("data.") and key != NOISE
    }
    settings = {
        key: value
        for key, value in flat.items()
        if not key.startswith("data.")
        and key not in _COUNTS
        and _reads(record.recipe, key, flat["find.by"], flat["find.file"])
    }
    if WEIGHT in settings:
        settings[WEIGHT] = weight
    return _Entry(record, weight, flat[NOISE], data, settings)


def _table(entries: Sequence[_Entry], order: Sequence[str]) -> MethodTable:
    known = [*order, *(name for name in RECIPES if name not in order)]
    rank = {name: i for i, name in enumerate(known)}
    rows: dict[tuple[str, bytes], list[_Entry]] = {}
    for entry in sorted(entries, key=lambda e: (rank.get(e.record.recipe, len(rank)), e.weight)):
        rows.setdefault((entry.record.recipe, _text(entry.settings)), []).append(entry)
    common = _common([members[0] for members in rows.values()])
    defaults = _defaults() | {WEIGHT: _defaults()[WEIGHT][0]}
    noises = tuple(sorted({entry.noise for entry in entries}))
    place = {key: i for i, key in enumerate(defaults)}
    shared = [key for key, value in common.items() if _text(value) != _text(defaults.get(key))]
    data = {key.removeprefix("data."): value for key, value in entries[0].data.items()}
    alike = all(data.get(key) == value for key, value in PROTOCOL.items())
    return MethodTable(
        data=data,
        settings={key: common[key] for key in sorted(shared, key=lambda key: place.get(key, len(place)))},
        noises=noises,
        rows=tuple(_row(members, common) for members in rows.values()),
        published=tuple(a for a in ANCHORS if alike and any(noise in a.values for noise in noises)),
    )


def _row(entries: Sequence[_Entry], common: Mapping[str, Any]) -> Row:
    head = entries[0]
    free = _free(head)
    cells: dict[float, dict[str, Pool]] = {}
    for noise in sorted({entry.noise for entry in entries}):
        records = [entry.record for entry in entries if entry.noise == noise]
        found = {split: pool(records, split, head.weight) for split in SPLITS}
        cells[noise] = {split: one for split, one in found.items() if one is not None}
    return Row(
        recipe=head.record.recipe,
        title=_title(head.record.recipe),
        supervision=head.record.attributes_used,
        settings={key: value for key, value in free.items() if _text(value) != _text(common[key])},
        weight=head.settings.get(WEIGHT),
        cells=cells,
    )


def _common(heads: Sequence[_Entry]) -> dict[str, Any]:
    """For each setting, the most common value among rows whose recipe does not fix it; the first in a tie."""
    values: dict[str, list[Any]] = {}
    for head in heads:
        for key, value in _free(head).items():
            values.setdefault(key, []).append(value)
    return {key: _most(found) for key, found in values.items()}


def _most(values: Sequence[Any]) -> Any:
    text = Counter(map(_text, values)).most_common(1)[0][0]
    return next(value for value in values if _text(value) == text)


def _free(entry: _Entry) -> dict[str, Any]:
    """Settings of a row that its recipe does not fix."""
    fixed = _fixed(entry.record.recipe)
    return {key: value for key, value in entry.settings.items() if key not in fixed}


def _reads(recipe: str, key: str, by: str, file: str) -> bool:
    """Whether a setting other than of data can change a recipe's result; always for an unknown recipe or finder."""
    if recipe not in RECIPES or "." not in key or by not in choices():
        return True
    config = RECIPES[recipe].config().model_copy(update={"find": Find(by=by, file=file)})
    return RECIPES[recipe].reads(config, key)


def _title(recipe: str) -> str:
    return (RECIPES[recipe].title if recipe in RECIPES else "") or recipe


def _fixed(recipe: str) -> Mapping[str, Any]:
    return RECIPES[recipe].fixed if recipe in RECIPES else {}


@cache
def _defaults() -> dict[str, Any]:
    return dict(flatten(config_model()(data=Cmnist()).model_dump(mode="json")))


def _text(value: Any) -> bytes:
    """The same text for equal values, also for a list and a tuple."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
