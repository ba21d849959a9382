"""Tables of methods against label noise, as grids: what the numbers are of, and how many stand behind each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from core.runs.settings import show
from core.runs.text import safe_text
from prusc_tui.draw.tables import Cell, Grid, Line
from prusc_tui.words import percent, weight

if TYPE_CHECKING:
    from core.runs.restarts import Pool
    from experiments.anchors import Anchor, Shares
    from experiments.table import MethodTable, Row

NONE = Cell("–")
KNOWS = {
    "none": "nothing",
    "validation": "validation attributes",
    "train": "training attributes",
    "environments": "environments",
    "shortcut": "shortcut",
}
"""`attributes_used` of a run → what its method was told."""
_WEIGHT = "train.penalty_weights"
NUMBER = 4
"""Cells of a share in per cent, so that points stand under each other."""


class _Behind(NamedTuple):
    """What stands behind a number: how many networks, of which seeds."""

    networks: int
    seeds: tuple[int, ...]

    def __str__(self) -> str:
        restarts = f"{self.networks} restart{'s' * (self.networks != 1)}"
        return f"{restarts}, seed{'s' * (len(self.seeds) != 1)} {', '.join(map(str, self.seeds))}"


def grid(table: "MethodTable", splits: Sequence[str]) -> Grid:
    """One table: rows are methods, columns are label noises, each with `splits`; the published numbers in a block.

    Args:
        table: what is drawn.
        splits: of the accuracies, in the order in which they stand.
    """
    columns = [(noise, split) for noise in table.noises for split in splits]
    usual = _usual(table, splits)
    best = [_best(table, noise, split) for noise, split in columns]
    measured = tuple(
        Line(
            title(row, table),
            (
                Cell(KNOWS.get(row.knows, safe_text(row.knows))),
                *(_cell(_pool(row, *place), usual, row is top) for place, top in zip(columns, best, strict=True)),
            ),
        )
        for row in table.rows
    )
    published = tuple(_published(table, columns))
    several = len(splits) > 1
    return Grid(
        corner="accuracy, %" if several else f"{splits[0]} accuracy, %",
        columns=("knows", *(f"noise {_share(n)} {split}" if several else f"noise {_share(n)}" for n, split in columns)),
        blocks=tuple(block for block in (measured, published) if block),
        about=f"{heading(table)}. {_numbers(table, splits, usual)}",
        notes=(*_others(table, splits, usual), *_sources(table)),
    )


def heading(table: "MethodTable") -> str:
    """What the runs of a table have in common, as one sentence without its full stop."""
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
    words = [_setting(key, value) for key, value in table.settings.items()]
    return "; ".join([*parts, f"settings {', '.join(words)}, else the defaults" if words else "default settings"])


def title(row: "Row", table: "MethodTable") -> str:
    """The method, and where it differs from the other rows or has several penalty weights."""
    words = [_setting(key, value) for key, value in row.settings.items()]
    weights = {other.weight for other in table.rows if other.recipe == row.recipe}
    if len(weights) > 1 and row.weight is not None and _WEIGHT not in row.settings:
        words.append(_setting(_WEIGHT, row.weight))
    name = safe_text(row.title)
    return f"{name}: {', '.join(words)}" if words else name


def _setting(key: str, value: Any) -> str:
    return f"penalty weight {weight(value)}" if key == _WEIGHT else safe_text(f"{key}={show(value)}")


def _pool(row: "Row", noise: float, split: str) -> "Pool | None":
    return row.cells.get(noise, {}).get(split)


def _behind(pool: "Pool") -> _Behind:
    return _Behind(pool.average.n, pool.seeds)


def _pools(table: "MethodTable", splits: Sequence[str]) -> "Iterator[tuple[Row, float, Pool]]":
    for row in table.rows:
        for noise in table.noises:
            for split in splits:
                if (pool := _pool(row, noise, split)) is not None:
                    yield row, noise, pool


def _usual(table: "MethodTable", splits: Sequence[str]) -> _Behind | None:
    """What stands behind most numbers."""
    counts = Counter(_behind(pool) for _, _, pool in _pools(table, splits))
    return counts.most_common(1)[0][0] if counts else None


def _best(table: "MethodTable", noise: float, split: str) -> "Row | None":
    """The row with the highest mean of those that know nothing; None where there is nothing to compare.

    On the training split more is not better: the shortcut is what makes it more.
    """
    if split == "train":
        return None
    means = [
        (pool.average.mean, row)
        for row in table.rows
        if row.knows == "none" and (pool := _pool(row, noise, split)) is not None
    ]
    return max(means, key=lambda pair: pair[0])[1] if len(means) > 1 else None


def _cell(pool: "Pool | None", usual: _Behind | None, best: bool) -> Cell:
    if pool is None:
        return NONE
    average, behind = pool.average, _behind(pool)
    words = [f"± {percent(average.sd)}"] if average.sd is not None else []
    if behind != usual:
        words.append(f"({behind.networks})")
    return Cell(percent(average.mean), " ".join(words), is_number=True, stands_out=best)


def _published(table: "MethodTable", columns: Sequence[tuple[float, str]]) -> Iterator[Line]:
    from experiments.recipes import RECIPES
    from experiments.table import TITLES

    for anchor in table.published:
        cells = [_anchor_cell(anchor, noise, split) for noise, split in columns]
        if any(cell is not NONE for cell in cells):
            knows = KNOWS[RECIPES[anchor.recipe].knows]
            yield Line(f"{TITLES[anchor.recipe]} (published: {anchor.source.name})", (Cell(knows), *cells))


def _anchor_cell(anchor: "Anchor", noise: float, split: str) -> Cell:
    shares: Shares | None = anchor.values.get(noise, {}).get(split)
    if shares is None:
        return NONE
    mean, deviation = shares
    return Cell(f"{mean:.1f}", "" if deviation is None else f"± {deviation:.1f}", is_number=True)


def _numbers(table: "MethodTable", splits: Sequence[str], usual: _Behind | None) -> str:
    sizes: dict[str, set[int]] = {split: set() for split in splits}
    for row in table.rows:
        for found in row.cells.values():
            for split in splits:
                if split in found:
                    sizes[split].add(found[split].samples)
    images = ", ".join(f"{split} n = {_sizes(sizes[split])}" for split in splits if sizes[split])
    behind = f"over {usual}" if usual else "over restarts"
    if any(_behind(pool) != usual for _, _, pool in _pools(table, splits)):
        behind += " (or as many restarts as stand in brackets)"
    return f"Mean ± sample standard deviation {behind}, of the accuracy over all images of a split: {images}."


def _sizes(found: set[int]) -> str:
    return " or ".join(f"{n:,}" for n in sorted(found))


def _others(table: "MethodTable", splits: Sequence[str], usual: _Behind | None) -> Iterator[str]:
    """One sentence for each number that another count stands behind than behind most."""
    said: dict[tuple[str, _Behind], dict[float, None]] = {}
    for row, noise, pool in _pools(table, splits):
        if (behind := _behind(pool)) != usual:
            said.setdefault((title(row, table), behind), {})[noise] = None
    for (name, behind), noises in said.items():
        yield f"{name}, noise {', '.join(map(_share, noises))}: {behind}."


def _sources(table: "MethodTable") -> Iterator[str]:
    sources = dict.fromkeys(anchor.source for anchor in table.published)
    for source in sources:
        yield f"Published, {source.name}, under their own protocol: {source.protocol}."


def _share(share: float) -> str:
    return f"{100 * share:g} %"


def tidy(tables: "Sequence[MethodTable]") -> Iterator[Mapping[str, Any]]:
    """Every trained network on every split as one flat row; accuracies are shares in [0, 1]."""
    for number, table in enumerate(tables, 1):
        for row in table.rows:
            words = " ".join(_setting(key, value) for key, value in row.settings.items())
            for noise, found in row.cells.items():
                for split, pool in found.items():
                    for member in pool.members:
                        yield {
                            "table": number,
                            "method": safe_text(row.title),
                            "recipe": safe_text(row.recipe),
                            "knows": safe_text(row.knows),
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
