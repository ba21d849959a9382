"""Text of tables: their encoding, their separator, and numbers that are written in several ways."""

import csv
import re
from pathlib import Path

from core.errors import InputError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""Separator of a table → its name in words, by priority."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]\d+)?")
"""Numbers as pandas and NumPy write them; an exponent without a sign is more likely a part of a name, such as 12e3."""


def read_text(path: Path) -> tuple[str, str]:
    """Text of a file, and its encoding in words: `UTF-8`, `UTF-16` or `Latin-1`.

    Raises InputError if the file cannot be read or is not text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    for encoding, name in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name
    raise InputError(f"{path}: is not a text file; save the table as CSV in UTF-8")


def separator_of(text: str) -> str:
    """The separator that makes most columns of the first line that is not empty; a comma if none does."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=lambda mark: len(next(csv.reader([line], delimiter=mark), [])))


def clean(text: str) -> str:
    """Strip white space, and write numbers in one way: `1`, `1.0`, `1.00` and `1.000e+00` are all `1`.

    Whole numbers without a decimal point, such as `007`, stay as they are.
    """
    text = text.strip()
    if text.isdecimal() or _NUMBER.fullmatch(text) is None:
        return text
    number = float(text)
    return str(int(number)) if number.is_integer() else str(number)


def _encodings(data: bytes) -> list[tuple[str, str]]:
    """Encodings to try, with their names."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return [("utf-16", "UTF-16")]
    start = data[:200]
    if start and b"\0" in start:  # without a byte order mark, every other byte of Latin letters is zero
        return [("utf-16-be" if start[::2].count(0) > start[1::2].count(0) else "utf-16-le", "UTF-16")]
    return [("utf-8-sig", "UTF-8"), ("cp1252", "Latin-1"), ("latin-1", "Latin-1")]
