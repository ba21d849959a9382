"""Tables of methods against label noise, as grids, with the number of networks behind each cell."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

from core.results.ranking import DEFAULT, ranked
from core.results.settings import Setting, long_values, show
from core.words import mean_sd, weight
from prusc_tui.tables.answers import UNSUPERVISED, best_sentence
from prusc_tui.tables.grid import HELD, Cell, Grid, Line
from prusc_tui.words import supervision

if TYPE_CHECKING:
    from core.results.restarts import Pool
    from core.spread import Spread
    from experiments.tables.methods import MethodTable, Row
    from experiments.tables.published import Anchor, Shares

NONE = Cell("–")
WHY_WORST = "Why the worst group: the average in test also rewards a network that follows the reversed colour."
_WEIGHT = "train.penalty_weights"


class Column(NamedTuple):
    """The accuracies of a column."""

    noise: float
    split: str
    measure: str

    def of(self, row: "Row") -> "Pool | None":
        """The networks of a row."""
        return row.cells.get(self.noise, {}).get(self.split)


class _Behind(NamedTuple):
    """The networks behind a number: how many, and their seeds."""

    networks: int
    seeds: tuple[int, ...]

    def __str__(self) -> str:
        restarts = f"{self.networks} restart{'s' * (self.networks != 1)}"
        return f"{restarts}, seed{'s' * (len(self.seeds) != 1)} {', '.join(map(str, self.seeds))}"


def columns_of(table: "MethodTable", splits: Sequence[str], measures: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a table; the training split has only the average."""
    return tuple(
        Column(noise, split, measure)
        for noise in table.noises
        for split in splits
        for measure in measures
        if (split, measure) != ("train", "worst")
    )


def grid(table: "MethodTable", columns: Sequence[Column], rule: str = DEFAULT) -> Grid:
    """One table: rows are methods, the best by a rule stands out; published numbers have a block of their own."""
    splits = tuple(dict.fromkeys(column.split for column in columns))
    usual = _usual(table, splits)
    tops = {noise: _best(table, noise, rule) for noise in table.noises}
    # On the training split more is not better, as the shortcut raises it.
    best = [None if column.split == "train" else tops[column.noise] for column in columns]
    measured = []
    for row, name in zip(table.rows, titles(table), strict=True):
        cells = (_cell(row, column, usual, row is top) for column, top in zip(columns, best, strict=True))
        measured.append(Line(name, (Cell(supervision(row.supervision)), *cells)))
    published = tuple(_published(table, columns))
    corner, words = _headings(columns)
    is_reversed = table.data["test_noise"] > 0.5
    why = [WHY_WORST] if is_reversed and any(column.measure == "worst" for column in columns) else []
    return Grid(
        corner=corner,
        columns=("supervision", *words),
        words=1,
        blocks=tuple(block for block in (tuple(measured), published) if block),
        about=f"{heading(table)}. {_numbers(table, columns, usual)}",
        notes=(
            *([_best_note(table, tops, rule)] if splits != ("train",) else []),
            *why,
            *_others(table, splits, usual),
            *(_sources(table) if published else ()),
            *_long(table),
        ),
    )


def heading(table: "MethodTable") -> str:
    """What the runs of a table have in common, as a sentence without a full stop."""
    data = table.data
    given = " and ".join(_share(share) for share in data["environment_noise"])
    parts = [
        f"ColoredMNIST: {data['train_size']:,} training images",
        f"colour noise {given} in the training environments, {_share(data['test_noise'])} in test",
    ]
    if data.get("validation_noise") is not None:
        parts[-1] += f", {_share(data['validation_noise'])} in validation"
    if data.get("grey"):
        parts.append("without colour")
    if data.get("seed"):
        parts.append(f"data seed {data['seed']}")
    words = [_setting(table, key, value) for key, value in table.settings.items()]
    return "; ".join([*parts, f"settings {', '.join(words)}, otherwise the defaults" if words else "default settings"])


def titles(table: "MethodTable") -> list[str]:
    """The method of each row, with the settings that distinguish it, and its penalty weight if there are several.

    Numbers are rounded if titles stay distinct.
    """
    rounded = [_title(row, table, exact=False) for row in table.rows]
    return [
        title if rounded.count(title) == 1 else _title(row, table, exact=True)
        for row, title in zip(table.rows, rounded, strict=True)
    ]


def _title(row: "Row", table: "MethodTable", *, exact: bool) -> str:
    words = [_setting(table, key, value, exact=exact) for key, value in row.settings.items()]
    weights = {other.weight for other in table.rows if other.recipe == row.recipe}
    if len(weights) > 1 and row.weight is not None and _WEIGHT not in row.settings:
        words.append(_setting(table, _WEIGHT, row.weight, exact=exact))
    name = row.title
    return f"{name}: {', '.join(words)}" if words else name


def _setting(table: "MethodTable", key: str, value: Any, *, exact: bool = False) -> str:
    """A setting in words, a long value in short; numbers to five digits unless `exact`."""
    if key == _WEIGHT and not exact:
        return f"penalty weight {weight(value)}"
    known = _values(table, key)
    if value in known.values and (text := known.texts[known.values.index(value)]) in long_values(known):
        return f"{key}={text}"
    return f"{key}={show(value if exact else _rounded(value))}"


def _values(table: "MethodTable", key: str) -> Setting:
    """All values of a setting in a table: the common one, and those of single rows."""
    return Setting(key, tuple(one[key] for one in _all_settings(table) if key in one), True)


def _long(table: "MethodTable") -> Iterator[str]:
    """The whole of every setting that is named in short."""
    for key in dict.fromkeys(key for one in _all_settings(table) for key in one):
        yield from long_values(_values(table, key)).values()


def _all_settings(table: "MethodTable") -> "list[Mapping[str, Any]]":
    return [table.settings, *(row.settings for row in table.rows)]


def _rounded(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _headings(columns: Sequence[Column]) -> tuple[str, list[str]]:
    """The common heading of all columns, and the specific one of each."""
    splits = {column.split for column in columns}
    measures = {column.measure for column in columns}
    corner = "worst-group accuracy, %" if measures == {"worst"} else "accuracy, %"
    words = []
    for column in columns:
        parts = [f"noise {_share(column.noise)}"]
        if len(splits) > 1:
            parts.append(column.split)
        if column.measure == "worst" and len(measures) > 1:
            parts.append("worst group")
        elif len(splits) == 1 and len(measures) > 1:
            parts.append("average")
        words.append(" ".join(part.replace(" ", HELD) for part in parts))
    return corner if len(splits) > 1 else f"{columns[0].split} {corner}", words


def _behind(pool: "Pool") -> _Behind:
    return _Behind(pool.average.n, pool.seeds)


def _pools(table: "MethodTable", splits: Sequence[str]) -> "Iterator[tuple[str, float, Pool]]":
    """Title, label noise and networks of every cell."""
    for title, row in zip(titles(table), table.rows, strict=True):
        for noise in table.noises:
            for split in splits:
                if (pool := row.cells.get(noise, {}).get(split)) is not None:
                    yield title, noise, pool


def _usual(table: "MethodTable", splits: Sequence[str]) -> _Behind | None:
    """The most common networks behind a number."""
    counts = Counter(_behind(pool) for _, _, pool in _pools(table, splits))
    return counts.most_common(1)[0][0] if counts else None


def _spread(row: "Row", column: Column) -> "Spread | None":
    """The numbers of a cell; None if it was not run, or its worst group is unknown."""
    if (pool := column.of(row)) is None:
        return None
    spread = pool.worst if column.measure == "worst" else pool.average
    return None if isnan(spread.mean) else spread


def _best(table: "MethodTable", noise: float, rule: str) -> "Row | None":
    """The best of the rows without supervision; None if there is nothing to compare.

    Networks that were trained side by side have an average and a worst group on validation, and no other number.
    """
    able = [row for row in table.rows if row.supervision == "none"]
    pools = [row.cells.get(noise, {}).get("validation") for row in able]
    known = {"average": "average", "worst-group": "worst"}
    values = [[getattr(m, known[rule]) for m in pool.members] if pool and rule in known else [] for pool in pools]
    place = ranked(values, rule).best
    return None if place is None else able[place]


def _best_note(table: "MethodTable", tops: "Mapping[float, Row | None]", rule: str) -> str:
    names = dict(zip(map(id, table.rows), titles(table), strict=True))
    found = [f"{names[id(row)]} (noise {_share(noise)})" for noise, row in tops.items() if row is not None]
    sentence = best_sentence(rule, ", ".join(found), UNSUPERVISED)
    other = "" if found else "; --best average and --best worst-group can have one"
    return f"{sentence[0].upper()}{sentence[1:]}{other}."


def _cell(row: "Row", column: Column, usual: _Behind | None, best: bool) -> Cell:
    pool, spread = column.of(row), _spread(row, column)
    if pool is None or spread is None:
        return NONE
    mean, sd = mean_sd(spread)
    beside = [f"({behind.networks})"] if (behind := _behind(pool)) != usual else []
    return Cell(mean, " ".join(filter(None, [sd, *beside])), is_number=True, stands_out=best)


def _published(table: "MethodTable", columns: Sequence[Column]) -> Iterator[Line]:
    """The anchors with a number in one of the columns; worst groups are not published."""
    from experiments.recipes import RECIPES

    for anchor in table.published:
        cells = [_anchor_cell(anchor, column) for column in columns]
        if any(cell is not NONE for cell in cells):
            source = Cell(supervision(RECIPES[anchor.recipe].supervision))
            yield Line(f"{RECIPES[anchor.recipe].title} (published: {anchor.source.name})", (source, *cells))


def _anchor_cell(anchor: "Anchor", column: Column) -> Cell:
    shares: Shares | None = anchor.values.get(column.noise, {}).get(column.split)
    if shares is None or column.measure == "worst":
        return NONE
    mean, deviation = shares
    return Cell(f"{mean:.1f}", "" if deviation is None else f"± {deviation:.1f}", is_number=True)


def _numbers(table: "MethodTable", columns: Sequence[Column], usual: _Behind | None) -> str:
    splits = tuple(dict.fromkeys(column.split for column in columns))
    cells = [found for row in table.rows for found in row.cells.values()]
    sizes = {split: sorted({found[split].samples for found in cells if split in found}) for split in splits}
    images = ", ".join(f"{s} n = {' or '.join(f'{n:,}' for n in found)}" for s, found in sizes.items() if found)
    behind = f"over {usual}" if usual else "over restarts"
    if any(_behind(pool) != usual for _, _, pool in _pools(table, splits)):
        behind += " (or the number of restarts in brackets)"
    measures = {column.measure for column in columns}
    worst = "in the worst group (label and colour) of a split"
    over = worst if measures == {"worst"} else "over all images of a split"
    if len(measures) > 1:
        over += f", or {worst.replace('a split', 'it')}"
    return f"Mean ± sample standard deviation {behind}, of the accuracy {over}: {images}."


def _others(table: "MethodTable", splits: Sequence[str], usual: _Behind | None) -> Iterator[str]:
    """A sentence for each number with other networks behind it than usual."""
    noises_of: dict[tuple[str, _Behind], dict[float, None]] = {}
    for title, noise, pool in _pools(table, splits):
        if (behind := _behind(pool)) != usual:
            noises_of.setdefault((title, behind), {})[noise] = None
    for (title, behind), noises in noises_of.items():
        yield f"{title}, noise {', '.join(map(_share, noises))}: {behind}."


def _sources(table: "MethodTable") -> Iterator[str]:
    for source in dict.fromkeys(anchor.source for anchor in table.published):
        yield f"Published, {source.name}, under their own protocol: {source.protocol}."


def _share(share: float) -> str:
    return f"{100 * share:g} %"


def tidy(tables: "Sequence[MethodTable]") -> Iterator[dict[str, Any]]:
    """One flat row per trained network and split; accuracies are shares in [0, 1]."""
    for number, table in enumerate(tables, 1):
        for row in table.rows:
            words = " ".join(f"{key}={show(value)}" for key, value in row.settings.items())
            for noise, found in row.cells.items():
                for split, pool in found.items():
                    for member in pool.members:
                        yield {
                            "table": number,
                            "method": row.title,
                            "recipe": row.recipe,
                            "supervision": row.supervision,
                            "settings": words,
                            "train_size": table.data["train_size"],
                            "label_noise": noise,
                            "split": split,
                            "n": member.n,
                            "seed": member.seed,
                            "restart": member.restart,
                            "penalty_weight": row.weight,
                            "average_accuracy": member.average,
                            "worst_group_accuracy": member.worst,
                            "run": member.run,
                        }
