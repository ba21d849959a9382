"""Text columns from CSV, space-separated lists and Parquet, with the line of each cell."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.data.dataset import Integers
from core.errors import InputError, nearest

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of a file, with its heading.

    Attributes:
        file: relative to the folder of the data set.
        lines: int64 [n], line of each cell, or its row in a file without lines.
        texts: str [n].
        words: text in lower case → value; None if every text is a value.
    """

    name: str
    file: str
    lines: Integers
    texts: Texts
    words: Mapping[str, str] | None = None
    unit: Literal["line", "row"] = "line"

    def __len__(self) -> int:
        return len(self.texts)

    def with_words(self, words: Mapping[str, str] | None) -> "Column":
        """Return the same column, restricted to these words."""
        return replace(self, words=words)

    def with_texts(self, texts: Sequence[str]) -> "Column":
        """Return the same column with other texts, [n]."""
        return replace(self, texts=as_texts(texts))

    def where(self, row: int) -> str:
        """Location of a cell, such as `metadata.csv, line 3`."""
        return f"{self.file}, {self.unit} {self.lines[row]:,}"

    def encode(self) -> tuple[Integers, tuple[str, ...]]:
        """Number the values: int64 [n], and their names.

        The number of an empty text, or of one that is not among the words, is −1. The values are those of the words in
        their order, else those of the column, sorted by `in_order`.
        """
        import pandas as pd

        codes, distinct = pd.factorize(self.texts)
        texts = [clean(text) for text in distinct]
        if self.words is None:
            values = tuple(in_order(set(texts) - {""}))
            meaning: Mapping[str, str] = {value: value for value in values}
        else:
            values = tuple(dict.fromkeys(self.words.values()))
            meaning = self.words
            texts = [text.casefold() for text in texts]
        place = {value: number for number, value in enumerate(values)}
        numbers = [place[meaning[text]] if text in meaning else -1 for text in texts]
        return np.array([*numbers, -1], dtype=np.int64)[codes], values


def clean(text: str) -> str:
    """Strip white space, and the `.0` of integers that pandas has converted to floats."""
    text = text.strip()
    whole = text.removesuffix(".0")
    return whole if whole.removeprefix("-").isdecimal() else text


def in_order(values: set[str]) -> list[str]:
    """Values sorted as numbers if all of them are numbers, else alphabetically."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return sorted(values)


def read_columns(root: Path, file: str, wanted: Mapping[str, str]) -> dict[str, Column]:
    """Read columns of a table with headings: Parquet or CSV (tabs in `.tsv`), relative to `root`.

    `wanted` maps the heading of a column to the setting with its name, for error messages; empty if there is none.
    Raises InputError if the table cannot be read, is empty, or a column is missing, or a row has a wrong number of
    columns.
    """
    if Path(file).suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(root, file, wanted)
    lines = _Lines(root, file, "\t" if Path(file).suffix.lower() == ".tsv" else ",")
    headings = [heading.strip() for heading in lines.first()]
    if not headings:
        raise InputError(f"{root / file}: is empty")
    find(root / file, headings, wanted)
    return lines.rest(headings, list(wanted))


def read_list(root: Path, file: str, headings: Sequence[str] | None, wanted: Mapping[str, str]) -> dict[str, Column]:
    """Read columns of a space-separated list (`.txt`), as in CelebA, or of a table as `read_columns`.

    With `headings` None, the list begins with the number of rows and the headings of all columns but the first, which
    is then called `image_id`. Raises InputError as `read_columns`, or if the number of rows is not the stated one.
    """
    if not file.endswith(".txt"):
        return read_columns(root, file, wanted)
    lines = _Lines(root, file, " ")
    stated = None
    if headings is None:
        first = (lines.first() or [""])[0]
        if not first.isdecimal():
            raise InputError(f"{root / file}, line 1: expected the number of images, not '{first[:40]}'")
        stated = int(first)
        headings = ["image_id", *lines.first()]
    find(root / file, headings, wanted)
    columns = lines.rest(headings, list(wanted))
    found = len(next(iter(columns.values())))
    if stated is not None and stated != found:
        raise InputError(f"{root / file}: states {stated:,} images but has {found:,}; download the file again")
    return columns


def find(path: Path, headings: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Raise InputError unless every wanted column exists exactly once; the message has the closest existing name."""
    for name, setting in wanted.items():
        if headings.count(name) > 1:
            raise InputError(f"{path}: two columns are named '{name}'; rename one")
        if name not in headings:
            hint = nearest(name, list(headings))
            shown = ", ".join(headings[:8]) + (", …" if len(headings) > 8 else "")
            named = f" ({setting})" if setting else ""
            raise InputError(f"{path}: there is no column '{name}'{named}{hint or f'; there are: {shown}'}")


class _Lines:
    """Iterator over the non-empty rows of a text file, each with its first line number."""

    def __init__(self, root: Path, file: str, delimiter: str) -> None:
        self._path, self._file, self._spaces = root / file, file, delimiter == " "
        try:
            text = self._path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise InputError(f"{self._path}: is not UTF-8 text") from None
        self._cells = csv.reader(
            io.StringIO(text),
            delimiter=delimiter,
            skipinitialspace=self._spaces,
            quoting=csv.QUOTE_NONE if self._spaces else csv.QUOTE_MINIMAL,
            strict=True,
        )
        self._rows = self._each()

    def first(self) -> list[str]:
        return next(self._rows, (0, []))[1]

    def rest(self, headings: Sequence[str], wanted: Sequence[str]) -> dict[str, Column]:
        places = [headings.index(name) for name in wanted]
        pick = itemgetter(*places, places[0])  # with two or more it returns tuples
        cells: list[str] = []  # flat, as one list per row would burden the garbage collector
        lines: list[int] = []
        width = len(headings)
        for line, row in self._rows:
            if len(row) != width:
                raise InputError(f"{self._path}, line {line:,}: has {len(row)} columns, but there are {width} headings")
            cells += pick(row)
            lines.append(line)
        numbers = np.array(lines, dtype=np.int64)
        step = len(wanted) + 1
        return {
            name: Column(name, self._file, numbers, as_texts(cells[number::step])) for number, name in enumerate(wanted)
        }

    def _each(self) -> Iterator[tuple[int, list[str]]]:
        line = 1
        try:
            for row in self._cells:
                if self._spaces and row and not row[-1]:
                    row.pop()  # trailing space
                if row:
                    yield line, row
                line = self._cells.line_num + 1
        except csv.Error as error:
            raise InputError(f"{self._path}, line {self._cells.line_num:,}: {error}") from None


def as_texts(values: Sequence[str]) -> Texts:
    """Return an object array [n] that shares the strings."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts


def _read_parquet(root: Path, file: str, wanted: Mapping[str, str]) -> dict[str, Column]:
    import pandas as pd

    path = root / file
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError(
            f"{path}: reading Parquet needs pyarrow; install 'prusc-tui[parquet]', or save it as CSV"
        ) from None
    try:
        find(path, parquet.read_schema(path).names, wanted)
        table = pd.read_parquet(path, columns=list(wanted), engine="pyarrow")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'not Parquet'})") from None
    except ValueError as error:  # pyarrow's own errors are ValueErrors
        raise InputError(f"{path}: is not Parquet ({str(error).splitlines()[0]})") from None
    numbers = np.arange(1, len(table) + 1)
    columns = {}
    for name in wanted:
        codes, distinct = pd.factorize(table[name])
        texts = as_texts([*map(str, distinct), ""])
        columns[name] = Column(name, file, numbers, texts[codes], unit="row")
    return columns
