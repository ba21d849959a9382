"""Precomputed cluster assignments: a table with one row per training image, checked row by row (no torch)."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from core.clustering.kmeans import Integers
from core.errors import InputError
from core.runs.text import safe_text

MOST = 512
"""Maximum number of clusters, the same as for our own clustering."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    # pandas leaves the name of the index out
    "index": ("index", "idx", "row", "unnamed:_0", ""),
    "path": ("path", "image_path", "img_path", "filename", "img_filename", "file", "image", "image_id", "img"),
    "label": ("label", "y", "target", "class"),
    "cluster": ("cluster_assign", "cluster", "cluster_id", "cluster_assignment", "cluster_label", "clusters"),
}
"""Content of a column → its possible names, most likely first, case ignored."""
_FREE = -1
_DIGITS = 18
"""Maximum number of digits of an integer."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRows:
    """Labels and paths of the training images, known before any image is read.

    Attributes:
        labels: label index of each image, [n].
        label_names: name of each label.
        paths: of the files, in the order of the rows; empty if the images have none.
        root: folder that the paths are relative to.
    """

    labels: Integers
    label_names: tuple[str, ...]
    paths: tuple[str, ...] = ()
    root: Path = Path()


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """Clusters by number, with their names in the table.

    Attributes:
        clusters: of every training image, [n].
        names: of each cluster, in numeric order if all are integers, else in alphabetical order.
    """

    clusters: Integers
    names: tuple[str, ...]

    @property
    def renumbered(self) -> bool:
        """Whether the names in the table differ from 0, 1, 2, … without gaps."""
        return self.names != tuple(map(str, range(len(self.names))))


def read_clusters(file: Path, rows: TrainingRows) -> Assigned:
    """Read a table of clusters: index or path of the training image, cluster, and optionally label.

    Args:
        file: text with a header; separated by commas, semicolons or tabs.
        rows: the training images, each of which must occur exactly once, with its own label.

    Raises:
        InputError: the table is invalid; the message has the line.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            lines = iter(opened)
            header = next(lines, "")
            columns, delimiter = _columns(file, header, bool(rows.paths))
            return _assign(file, rows, columns, _cells(lines, delimiter))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: is not a text table ({error})") from None


def _columns(file: Path, header: str, have_paths: bool) -> tuple[dict[str, int], str]:
    """Content → number of the column, and the delimiter that recognises the most columns."""
    found: dict[str, int] = {}
    best = ","
    for delimiter in ",;\t":
        names = [name.strip().lower().replace(" ", "_") for name in next(csv.reader([header], delimiter=delimiter), [])]
        here = {
            kind: names.index(name)
            for kind, known in _NAMES.items()
            if (name := next((name for name in known if name in names), None)) is not None
        }
        if len(here) > len(found):
            found, best = here, delimiter
    by = "path" if have_paths and "path" in found else "index"
    if by not in found or "cluster" not in found:
        either = "index (of the training split, from 0)" + (" or path" if have_paths else "")
        raise InputError(
            f"{file}: the first line must name a column {either}, a column cluster and, optionally, label; "
            f"it is: {_shown(header.strip()) or 'empty'}"
        )
    found.pop({"path": "index", "index": "path"}[by], None)
    return found, best


def _cells(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    for row in reader:
        if row:
            yield reader.line_num + 1, [cell.strip() for cell in row]  # after the header


def _assign(
    file: Path, rows: TrainingRows, columns: Mapping[str, int], table: Iterable[tuple[int, list[str]]]
) -> Assigned:
    n = len(rows.labels)
    find = _by_path(rows) if "path" in columns else _by_index(n)
    first = np.full(n, _FREE, dtype=np.int64)
    called: list[str] = [""] * n
    numbers = {name: number for number, name in enumerate(rows.label_names)}
    for line, cells in table:
        if len(cells) <= max(columns.values()):
            raise InputError(f"{file}, line {line}: has only {len(cells)} columns")
        row = find(cells[columns.get("path", columns.get("index", 0))])
        if isinstance(row, str):
            raise InputError(f"{file}, line {line}: {row}")
        if first[row] != _FREE:
            raise InputError(f"{file}, line {line}: {_image(rows, row)} occurs twice; first in line {first[row]}")
        first[row] = line
        if "label" in columns:
            given = _plain(cells[columns["label"]])
            number = numbers.get(given, _whole(given))
            if number != rows.labels[row]:
                own = rows.label_names[rows.labels[row]]
                raise InputError(
                    f"{file}, line {line}: label '{_shown(given)}' is not that of {_image(rows, row)} in the data, "
                    f"'{own}' ({rows.labels[row]}); is the table of the same split, in the same order?"
                )
        called[row] = _plain(cells[columns["cluster"]])
        if not called[row]:
            raise InputError(f"{file}, line {line}: {_image(rows, row)} has no cluster")
    if free := int((first == _FREE).sum()):
        missing = _image(rows, int((first == _FREE).argmax()))
        raise InputError(f"{file}: {free:,} of {n:,} training images have no cluster; the first is {missing}")
    return _number(file, called)


def _number(file: Path, called: Sequence[str]) -> Assigned:
    names = sorted(set(called))
    if all(_whole(name.removeprefix("-")) is not None for name in names):
        names.sort(key=int)
    if not 2 <= len(names) <= MOST:
        raise InputError(f"{file}: has {len(names):,} different clusters; expected 2 to {MOST}")
    number = {name: i for i, name in enumerate(names)}
    return Assigned(np.array([number[name] for name in called], dtype=np.int64), tuple(map(safe_text, names)))


def _by_index(n: int) -> Callable[[str], int | str]:
    """Return a function from the text of an index to its row, or to an error text."""

    def find(text: str) -> int | str:
        index = _whole(_plain(text))
        if index is None:
            return f"index '{_shown(text)}' is not an integer ≥ 0"
        if index >= n:
            return f"index {index} is out of range: the training split has {n:,} images, counted from 0"
        return index

    return find


def _by_path(rows: TrainingRows) -> Callable[[str], int | str]:
    """Return a function from a path, a name or a name without extension to its row, or to an error text."""
    root = rows.root.absolute()
    whole = {path: row for row, path in enumerate(rows.paths)}
    short: dict[str, list[int]] = {}
    for path, row in whole.items():
        pure = PurePosixPath(path)
        for name in {pure.name, pure.stem} - {path}:
            short.setdefault(name, []).append(row)

    def find(text: str) -> int | str:
        pure = PurePosixPath(text)
        if pure.is_relative_to(root):
            pure = pure.relative_to(root)
        if (row := whole.get(str(pure))) is not None:
            return row
        match short.get(str(pure), []):
            case [row]:
                return row
            case [row, other, *_]:
                return f"'{_shown(text)}' may be {rows.paths[row]} or {rows.paths[other]}; give the full path"
        return f"'{_shown(text)}' is not an image of the training split"

    return find


def _image(rows: TrainingRows, row: int) -> str:
    return f"image {row}" + (f" ({safe_text(rows.paths[row])})" if rows.paths else "")


def _shown(text: str, most: int = 80) -> str:
    return safe_text(text if len(text) <= most else f"{text[:most]}…")


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _plain(text: str) -> str:
    """Undo the conversion of integers to floats by pandas: `3.0` becomes `3`."""
    whole, point, rest = text.partition(".")
    return whole if point and not rest.strip("0") and whole.removeprefix("-").isdecimal() else text
