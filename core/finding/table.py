"""Pseudo-groups from a table with one row per image, checked row by row (no torch)."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from core.clustering.composition import Integers
from core.data.splits import SplitName
from core.errors import InputError
from core.runs.text import bare_cell, safe_text

MOST = 512
"""Maximum number of pseudo-groups, the same as for clusters."""
LEFT_OUT = -1
"""In place of a pseudo-group: the image is in no balanced set and no environment."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    # pandas leaves the name of the index out
    "index": ("index", "idx", "row", "unnamed:_0", ""),
    "path": ("path", "image_path", "img_path", "filename", "img_filename", "file", "image", "image_id", "img"),
    "label": ("label", "y", "target", "class"),
    "group": (
        *("group", "pseudo_group", "pseudo-group", "cluster_assign", "cluster", "cluster_id"),
        *("cluster_assignment", "cluster_label", "clusters"),
    ),
    "split": ("split", "partition"),
}
"""Content of a column → its possible names, most likely first, case ignored."""
_SPLITS: Mapping[str, SplitName] = {
    **dict.fromkeys(("0", "train", "training"), "train"),
    **dict.fromkeys(("1", "val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("2", "test", "testing"), "test"),
}
_WORDS: Mapping[str, str] = {"train": "training", "validation": "validation"}
_FREE = -1
_DIGITS = 18
"""Maximum number of digits of an integer."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitRows:
    """Labels and paths of the images of a split, known before any image is read.

    Attributes:
        split: name of the split.
        labels: label index of each image, [n].
        label_names: name of each label.
        paths: of the files, in the order of the rows; empty if the images have none.
        root: folder that the paths are relative to.
    """

    split: SplitName
    labels: Integers
    label_names: tuple[str, ...]
    paths: tuple[str, ...] = ()
    root: Path = Path()


@dataclass(frozen=True, slots=True, eq=False)
class GroupTable:
    """Pseudo-groups by number, with their names in the table.

    Attributes:
        train: pseudo-group of every training image, or `LEFT_OUT`, [n].
        validation: as `train`, [m]; None if the table has no validation images.
        names: of each pseudo-group, in numeric order if all are integers, else in alphabetical order.
    """

    train: Integers
    validation: Integers | None
    names: tuple[str, ...]

    @property
    def renumbered(self) -> bool:
        """Whether the names in the table are numbers other than 0, 1, 2, … without gaps."""
        numbers = tuple(map(str, range(len(self.names))))
        return self.names != numbers and all(_whole(name.removeprefix("-")) is not None for name in self.names)


def read_groups(file: Path, rows: Sequence[SplitRows]) -> GroupTable:
    """Read a table of pseudo-groups: index or path of the image, group, and optionally label and split.

    An image with an empty group is left out. Without a column `split`, all images are training images.

    Args:
        file: text with a header; separated by commas, semicolons or tabs.
        rows: the training images, each of which must occur exactly once, with its own label; then the validation
            images, of which all or none must occur. Images of other splits are ignored.

    Raises:
        InputError: the table is invalid; the message has the line.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            lines = iter(opened)
            header = next(lines, "")
            columns, delimiter = _columns(file, header, bool(rows[0].paths))
            named = _assign(file, rows, columns, _cells(lines, delimiter))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: is not a text table ({error})") from None
    return _numbered(file, named)


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
    if by not in found or "group" not in found:
        either = "index (of the training split, from 0)" + (" or path" if have_paths else "")
        raise InputError(
            f"{file}: the first line must name a column {either}, a column group (or cluster) and, optionally, label "
            f"and split; it is: {_shown(header.strip()) or 'empty'}"
        )
    found.pop({"path": "index", "index": "path"}[by], None)
    return found, best


def _cells(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    for row in reader:
        if row:
            yield reader.line_num + 1, [bare_cell(cell.strip()) for cell in row]  # after the header


def _assign(
    file: Path, rows: Sequence[SplitRows], columns: Mapping[str, int], table: Iterable[tuple[int, list[str]]]
) -> list[list[str]]:
    """Name of the group of every image by split; the validation split may be empty."""
    readers = {of.split: _Rows(file, of, columns) for of in rows}
    for line, cells in table:
        if len(cells) <= max(columns.values()):
            raise InputError(f"{file}, line {line}: has only {len(cells)} columns")
        split: SplitName = "train"
        if "split" in columns:
            word = _plain(cells[columns["split"]]).lower()
            if word not in _SPLITS:
                raise InputError(f"{file}, line {line}: '{_shown(word)}' is not a split (train, validation, test)")
            split = _SPLITS[word]
        if split in readers:
            readers[split].take(line, cells)
    return [reader.whole() for reader in readers.values()]


class _Rows:
    """Collects the groups of the images of one split."""

    def __init__(self, file: Path, rows: SplitRows, columns: Mapping[str, int]) -> None:
        n = len(rows.labels)
        self._file, self._rows, self._columns = file, rows, columns
        self._find = _by_path(rows) if "path" in columns else _by_index(rows)
        self._first = np.full(n, _FREE, dtype=np.int64)
        self._called = [""] * n
        self._numbers = {word: i for i, name in enumerate(rows.label_names) for word in (name, safe_text(name))}

    def take(self, line: int, cells: Sequence[str]) -> None:
        file, rows, columns = self._file, self._rows, self._columns
        row = self._find(cells[columns.get("path", columns.get("index", 0))])
        if isinstance(row, str):
            raise InputError(f"{file}, line {line}: {row}")
        if self._first[row] != _FREE:
            raise InputError(f"{file}, line {line}: {_image(rows, row)} occurs twice; first in line {self._first[row]}")
        self._first[row] = line
        if "label" in columns:
            given = _plain(cells[columns["label"]])
            number = self._numbers.get(given, _whole(given))
            if number != rows.labels[row]:
                own = rows.label_names[rows.labels[row]]
                raise InputError(
                    f"{file}, line {line}: label '{_shown(given)}' is not that of {_image(rows, row)} in the data, "
                    f"'{own}' ({rows.labels[row]}); is the table of the same split, in the same order?"
                )
        self._called[row] = _plain(cells[columns["group"]])

    def whole(self) -> list[str]:
        """Name of the group of every image; empty if no image of a split other than train occurs."""
        free = int((self._first == _FREE).sum())
        n = len(self._first)
        if free == n and self._rows.split != "train":
            return []
        if free:
            missing = _image(self._rows, int((self._first == _FREE).argmax()))
            word = _WORDS[self._rows.split]
            raise InputError(
                f"{self._file}: {free:,} of {n:,} {word} images have no row; the first is {missing} (to leave an image "
                "out, leave its group empty)"
            )
        return self._called


def _numbered(file: Path, called: Sequence[Sequence[str]]) -> GroupTable:
    names = sorted({name for of in called for name in of if name})
    if all(_whole(name.removeprefix("-")) is not None for name in names):
        names.sort(key=int)
    if not 2 <= len(names) <= MOST:
        raise InputError(f"{file}: has {len(names):,} different groups; expected 2 to {MOST}")
    number = {name: i for i, name in enumerate(names)} | {"": LEFT_OUT}
    train, *rest = [np.array([number[name] for name in of], dtype=np.int64) for of in called]
    validation = rest[0] if rest and len(rest[0]) else None
    return GroupTable(train, validation, tuple(map(safe_text, names)))


def _by_index(rows: SplitRows) -> Callable[[str], int | str]:
    """Return a function from the text of an index to its row, or to an error text."""
    n, word = len(rows.labels), _WORDS[rows.split]

    def find(text: str) -> int | str:
        index = _whole(_plain(text))
        if index is None:
            return f"index '{_shown(text)}' is not an integer ≥ 0"
        if index >= n:
            return f"index {index} is out of range: the {word} split has {n:,} images, counted from 0"
        return index

    return find


def _by_path(rows: SplitRows) -> Callable[[str], int | str]:
    """Return a function from a path, a name or a name without extension to its row, or to an error text."""
    root = rows.root.absolute()
    whole = {path: row for row, path in enumerate(rows.paths)}
    exported = {safe_text(path): row for path, row in whole.items()}
    short: dict[str, list[int]] = {}
    for path, row in whole.items():
        pure = PurePosixPath(path)
        for name in {pure.name, pure.stem} - {path}:
            short.setdefault(name, []).append(row)

    def find(text: str) -> int | str:
        pure = PurePosixPath(text)
        if pure.is_relative_to(root):
            pure = pure.relative_to(root)
        if (row := whole.get(str(pure), exported.get(text))) is not None:
            return row
        match short.get(str(pure), []):
            case [row]:
                return row
            case [row, other, *_]:
                return f"'{_shown(text)}' may be {rows.paths[row]} or {rows.paths[other]}; give the full path"
        return f"'{_shown(text)}' is not an image of the {_WORDS[rows.split]} split"

    return find


def _image(rows: SplitRows, row: int) -> str:
    return f"image {row}" + (f" ({safe_text(rows.paths[row])})" if rows.paths else "")


def _shown(text: str, most: int = 80) -> str:
    return safe_text(text if len(text) <= most else f"{text[:most]}…")


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _plain(text: str) -> str:
    """Undo the conversion of integers to floats by pandas: `3.0` becomes `3`."""
    whole, point, rest = text.partition(".")
    return whole if point and not rest.strip("0") and whole.removeprefix("-").isdecimal() else text
