"""Columns of text from CSV, lists with spaces and Parquet, each cell with the line that it stands in."""

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
    """A column as it stands in its file.

    Attributes:
        name: its heading.
        file: the file, from the folder of the data set.
        lines: int64 [n], line of each cell in the file, or its row in a file without lines.
        texts: str [n].
        words: text in lower case → what it means; None where any text is a value of its own.
        unit: what `lines` count.
    """

    name: str
    file: str
    lines: Integers
    texts: Texts
    words: Mapping[str, str] | None = None
    unit: Literal["line", "row"] = "line"

    def __len__(self) -> int:
        return len(self.texts)

    def knowing(self, words: Mapping[str, str]) -> "Column":
        """Return the same column, in which only these words are allowed."""
        return replace(self, words=words)

    def where(self, row: int) -> str:
        """Say where a cell stands, such as `metadata.csv, line 3`."""
        return f"{self.file}, {self.unit} {self.lines[row]:,}"

    def encode(self) -> tuple[Integers, tuple[str, ...]]:
        """Number the values.

        Returns:
            int64 [n], the number of each value, −1 where the text is empty or not among the words; and the values:
            those of the words in their order, else those found, as numbers where all are, else by the alphabet.
        """
        import pandas as pd

        codes, found = pd.factorize(self.texts)
        said = [clean(text) for text in found]
        if self.words is None:
            values = tuple(in_order(set(said) - {""}))
            meaning: Mapping[str, str] = {value: value for value in values}
        else:
            values = tuple(dict.fromkeys(self.words.values()))
            meaning = self.words
            said = [text.casefold() for text in said]
        place = {value: number for number, value in enumerate(values)}
        numbers = [place[meaning[text]] if text in meaning else -1 for text in said]
        return np.array([*numbers, -1], dtype=np.int64)[codes], values


def clean(text: str) -> str:
    """Return the text without space around it; a whole number without `.0`, as tables of floats have it."""
    text = text.strip()
    whole = text.removesuffix(".0")
    return whole if whole.removeprefix("-").isdecimal() else text


def in_order(values: set[str]) -> list[str]:
    """Values sorted as numbers where all of them are, else by the alphabet."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return sorted(values)


def read_columns(root: Path, file: str, wanted: Mapping[str, str]) -> dict[str, Column]:
    """Read columns of a table with headings: Parquet, or text with commas (tabs in `.tsv`).

    Args:
        root: folder of the data set.
        file: the table, from there.
        wanted: heading of a column → the setting that names it, for the sentence of an error; empty where none does.

    Raises:
        InputError: the table cannot be read, is empty, or lacks a column; a row has another number of columns.
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
    """Read columns of a list whose cells stand between spaces, as CelebA has them.

    Args:
        root: folder of the data set.
        file: the list, from there.
        headings: of the columns; None where the file begins with the number of its rows, and then the headings of
            all columns but the first, which is called `image_id`.
        wanted: as in `read_columns`.

    Raises:
        InputError: the list cannot be read, lacks a column, or has another number of rows than it states.
    """
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
        raise InputError(f"{root / file}: states {stated:,} images and has {found:,}; get the file anew")
    return columns


def find(path: Path, headings: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Make sure that the wanted columns are there, once.

    Raises:
        InputError: one is missing (with the nearest there is), or is there twice.
    """
    for name, setting in wanted.items():
        if headings.count(name) > 1:
            raise InputError(f"{path}: two columns are called '{name}'; rename one")
        if name not in headings:
            hint = nearest(name, list(headings))
            shown = ", ".join(headings[:8]) + (", …" if len(headings) > 8 else "")
            named = f" ({setting})" if setting else ""
            raise InputError(f"{path}: there is no column '{name}'{named}{hint or f'; there are: {shown}'}")


class _Lines:
    """Rows of a file of text that are not empty, one at a time, each with the line in which it begins."""

    def __init__(self, root: Path, file: str, delimiter: str) -> None:
        self._path, self._file, self._spaces = root / file, file, delimiter == " "
        try:
            text = self._path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise InputError(f"{self._path}: is not text in UTF-8") from None
        self._cells = csv.reader(
            io.StringIO(text),
            delimiter=delimiter,
            skipinitialspace=self._spaces,
            quoting=csv.QUOTE_NONE if self._spaces else csv.QUOTE_MINIMAL,
            strict=True,
        )
        self._rows = self._each()

    def first(self) -> list[str]:
        """Return the next row; an empty one at the end."""
        return next(self._rows, (0, []))[1]

    def rest(self, headings: Sequence[str], wanted: Sequence[str]) -> dict[str, Column]:
        """Read all rows that are left, each as wide as the headings, and keep the wanted columns."""
        places = [headings.index(name) for name in wanted]
        pick = itemgetter(*places, places[0])  # two or more give a tuple
        cells: list[str] = []  # flat, as a row of its own for each line is work for the collector
        lines: list[int] = []
        width = len(headings)
        for line, row in self._rows:
            if len(row) != width:
                raise InputError(f"{self._path}, line {line:,}: has {len(row)} columns where the headings have {width}")
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
                    row.pop()  # a space at the end of the line
                if row:
                    yield line, row
                line = self._cells.line_num + 1
        except csv.Error as error:
            raise InputError(f"{self._path}, line {self._cells.line_num:,}: {error}") from None


def as_texts(values: Sequence[str]) -> Texts:
    """Return an array [n] of objects, which shares the texts."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts


def _read_parquet(root: Path, file: str, wanted: Mapping[str, str]) -> dict[str, Column]:
    import pandas as pd

    path = root / file
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError(f"{path}: Parquet needs pyarrow; install 'prusc-tui[parquet]', or save it as CSV") from None
    try:
        find(path, parquet.read_schema(path).names, wanted)
        table = pd.read_parquet(path, columns=list(wanted), engine="pyarrow")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'it is not Parquet'})") from None
    except ValueError as error:  # pyarrow's own errors are ValueErrors
        raise InputError(f"{path}: is not Parquet ({str(error).splitlines()[0]})") from None
    numbers = np.arange(1, len(table) + 1)
    columns = {}
    for name in wanted:
        codes, found = pd.factorize(table[name])
        said = as_texts([*map(str, found), ""])
        columns[name] = Column(name, file, numbers, said[codes], unit="row")
    return columns
