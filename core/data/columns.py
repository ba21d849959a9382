"""Text columns from CSV, space-separated lists and Parquet, with the line of each cell."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.data.dataset import Integers
from core.data.text import clean, read_text, separator_of
from core.errors import InputError, nearest

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of a file, with its heading.

    Attributes:
        file: relative to the folder of the data set; empty if the column comes from the names of folders.
        lines: int64 [n], line of each cell, or its row in a file without lines.
        texts: str [n].
        words: text in lower case → value; None if every text is a value.
        notes: what was not read literally, such as the encoding of the file.
        way_out: what the user can do about a text that is not among the words.
    """

    name: str
    file: str
    lines: Integers
    texts: Texts
    words: Mapping[str, str] | None = None
    unit: Literal["line", "row"] = "line"
    notes: tuple[str, ...] = ()
    way_out: str = ""

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Integers) -> "Column":
        """Return the same column with these rows only."""
        return replace(self, lines=self.lines[rows], texts=self.texts[rows])

    def with_words(self, words: Mapping[str, str] | None, way_out: str = "") -> "Column":
        """Return the same column, restricted to these words."""
        return replace(self, words=words, way_out=way_out)

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

    def spellings(self) -> Iterator[str]:
        """A note for every value that is written in several ways, such as `1` and `1.00`."""
        written: dict[str, list[str]] = {}
        for text in sorted({text.strip() for text in set(self.texts)}):
            written.setdefault(clean(text), []).append(text)
        for value, texts in written.items():
            if len(texts) > 1:
                listed = ", ".join(f"'{text}'" for text in texts)
                yield f"{self.name}: {listed} are one value, '{value}'"

    def cases(self) -> Iterator[str]:
        """A note for all values that differ only in case, such as `TRUE` and `True`, and so are not one value."""
        written: dict[str, list[str]] = {}
        for value in sorted({clean(text) for text in set(self.texts)}):
            written.setdefault(value.casefold(), []).append(value)
        for values in written.values():
            if len(values) > 1:
                listed = ", ".join(f"'{value}'" for value in values)
                yield f"{self.name}: {listed} differ only in case, but are {len(values)} values; write them alike"


def in_order(values: set[str]) -> list[str]:
    """Values sorted as numbers if all of them are numbers, else alphabetically; the same in every process."""
    try:
        numbers = {value: float(value) for value in values}
    except ValueError:
        return sorted(values)
    if any(math.isnan(number) for number in numbers.values()):  # it has no place among numbers
        return sorted(values)
    return sorted(values, key=lambda value: (numbers[value], value))


def read_columns(root: Path, file: str, wanted: Mapping[str, str] | None = None) -> dict[str, Column]:
    """Read columns of a table with headings: Parquet, or CSV with commas, semicolons or tabs, relative to `root`.

    `wanted` maps the heading of a column to the setting with its name, for error messages; empty if there is none. A
    heading in another case is taken if it is the only one. None reads every column whose heading is unique.

    Raises InputError if the table cannot be read, is empty, or a column is missing, or a row has a wrong number of
    columns.
    """
    if Path(file).suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(root, file, wanted)
    lines = _Lines(root, file)
    headings = [heading.strip() for heading in lines.first()]
    if not headings:
        raise InputError(f"{root / file}: is empty")
    return lines.rest(headings, find(root / file, headings, _unique(headings) if wanted is None else wanted))


def read_list(root: Path, file: str, headings: Sequence[str] | None, wanted: Mapping[str, str]) -> dict[str, Column]:
    """Read columns of a space-separated list (`.txt`), as in CelebA, or of a table as `read_columns`.

    With `headings` None, the list begins with the number of rows, which may be missing, and the headings of all columns
    but the first, which is then called `image_id`. Raises InputError as `read_columns`, or if the number of rows is not
    the stated one.
    """
    if not file.endswith(".txt"):
        return read_columns(root, file, wanted)
    lines = _Lines(root, file, " ")
    stated = None
    if headings is None:
        first = lines.first()
        if len(first) == 1 and first[0].isdecimal():
            stated = int(first[0])
            first = lines.first()
        elif len(first) < 2 or "." in first[0]:
            shown = (first or [""])[0][:40]
            raise InputError(f"{root / file}, line 1: expected the number of images, or the headings, not '{shown}'")
        else:
            lines.note("has no first line with the number of images, so whether it is complete is unknown")
        headings = ["image_id", *first[first[0] == "image_id" :]]
    columns = lines.rest(headings, find(root / file, headings, wanted))
    found = len(next(iter(columns.values())))
    if stated is not None and stated != found:
        raise InputError(f"{root / file}: states {stated:,} images but has {found:,}; download the file again")
    return columns


def find(path: Path, headings: Sequence[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Wanted column → its heading in the file, which may be in another case.

    Raises InputError unless every wanted column exists exactly once; the message has the closest existing name.
    """
    found = {}
    for name, setting in wanted.items():
        same = [heading for heading in headings if heading == name]
        same = same or [heading for heading in headings if heading.casefold() == name.casefold()]
        if len(same) > 1:
            raise InputError(f"{path}: two columns are named '{same[0]}'{_or(same)}; rename one")
        if not same:
            hint = nearest(name, list(headings))
            shown = ", ".join(headings[:8]) + (", …" if len(headings) > 8 else "")
            named = f" ({setting})" if setting else ""
            raise InputError(f"{path}: there is no column '{name}'{named}{hint or f'; there are: {shown}'}")
        found[name] = same[0]
    return found


def _or(names: Sequence[str]) -> str:
    return "" if names[0] == names[1] else f" and '{names[1]}'"


def _unique(headings: Sequence[str]) -> dict[str, str]:
    return {name: "" for name in headings if name and headings.count(name) == 1}


class _Lines:
    """Iterator over the non-empty rows of a text file, each with its first line number."""

    def __init__(self, root: Path, file: str, separator: str = "") -> None:
        self._path, self._file, self._spaces = root / file, file, separator == " "
        self._notes: list[str] = []
        text, encoding = read_text(self._path)
        if encoding != "UTF-8":
            self.note(f"is read as {encoding}")
        self._separator = separator or separator_of(text)
        self._cells = csv.reader(
            io.StringIO(text, newline=None),
            delimiter=self._separator,
            skipinitialspace=self._spaces,
            quoting=csv.QUOTE_NONE if self._spaces else csv.QUOTE_MINIMAL,
            strict=True,
        )
        self._rows = self._each()

    def note(self, text: str) -> None:
        self._notes.append(f"{self._file}: {text}")

    def first(self) -> list[str]:
        row = next(self._rows, (0, []))[1]
        return self.first() if row[:1] == ["sep="] else row  # Excel's line before the headings

    def rest(self, headings: Sequence[str], wanted: Mapping[str, str]) -> dict[str, Column]:
        """Columns by their wanted names, from wanted name → heading."""
        places = [headings.index(heading) for heading in wanted.values()]
        pick = itemgetter(*places, places[0])  # with two or more it returns tuples
        cells: list[str] = []  # flat, as one list per row would burden the garbage collector
        lines: list[int] = []
        width = len(headings)
        for line, row in self._rows:
            cells += pick(row if len(row) == width else self._fitted(line, row, headings))
            lines.append(line)
        numbers = np.array(lines, dtype=np.int64)
        step = len(wanted) + 1
        notes = (*self._notes, *_in_another_case(self._file, wanted))
        return {
            name: Column(name, self._file, numbers, as_texts(cells[number::step]), notes=notes)
            for number, name in enumerate(wanted)
        }

    def _fitted(self, line: int, row: list[str], headings: Sequence[str]) -> list[str]:
        """The row without empty cells at its end that have no heading, or with those that it omits."""
        width = len(headings)
        if any(row[width:]) or any(headings[len(row) :]):
            mark = f"; cells that contain '{self._separator}' must be in quotes" if len(row) > width else ""
            raise InputError(
                f"{self._path}, line {line:,}: has {len(row)} columns, but there are {width} headings{mark}"
            )
        return row[:width] + [""] * (width - len(row))

    def _each(self) -> Iterator[tuple[int, list[str]]]:
        line = 1
        try:
            for row in self._cells:
                if self._spaces and row and not row[-1]:
                    row.pop()  # trailing space
                if any(row):
                    yield line, row
                line = self._cells.line_num + 1
        except csv.Error as error:
            raise InputError(f"{self._path}, line {self._cells.line_num:,}: {error}") from None


def _in_another_case(file: str, wanted: Mapping[str, str]) -> Iterable[str]:
    return [f"{file}: column '{heading}' is taken for '{name}'" for name, heading in wanted.items() if heading != name]


def as_texts(values: Sequence[str]) -> Texts:
    """Return an object array [n] that shares the strings."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts


def _read_parquet(root: Path, file: str, wanted: Mapping[str, str] | None) -> dict[str, Column]:
    import pandas as pd

    path = root / file
    try:
        import pyarrow.parquet as parquet
        import pyarrow.types as types
    except ImportError:
        raise InputError(
            f"{path}: reading Parquet needs pyarrow; install 'prusc-tui[parquet]', or save it as CSV"
        ) from None
    try:
        schema = parquet.read_schema(path)
        # pandas stores an index without a name as a column, but does not read it as one.
        headings = [name for name in schema.names if not name.startswith("__index_level_")]
        kinds = (types.is_nested, types.is_binary, types.is_large_binary)
        odd = {field.name for field in schema if any(is_one(field.type) for is_one in kinds)}
        plain = [name for name in headings if name not in odd]
        found = find(path, headings, _unique(plain) if wanted is None else wanted)
        if taken := [heading for heading in found.values() if heading in odd]:
            raise InputError(f"{path}: column '{taken[0]}' has lists, structures or bytes, not values")
        table = pd.read_parquet(path, columns=list(found.values()), engine="pyarrow").reset_index()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'not Parquet'})") from None
    except ValueError as error:  # pyarrow's own errors are ValueErrors
        raise InputError(f"{path}: is not Parquet ({str(error).splitlines()[0]})") from None
    numbers = np.arange(1, len(table) + 1)
    notes = tuple(_in_another_case(file, found))
    columns = {}
    for name, heading in found.items():
        codes, distinct = pd.factorize(table[heading])
        texts = as_texts([*map(str, distinct), ""])
        columns[name] = Column(name, file, numbers, texts[codes], unit="row", notes=notes)
    return columns
