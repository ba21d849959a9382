"""Curves as braille dots, two columns by four rows in a cell.

A column of dots is one integer, bit 0 at the bottom. A vertical run is then one `or`, and its hexadecimal digits are
the cells of the column, so there is no loop over single dots.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import floor, inf, isfinite
from operator import add
from typing import NamedTuple

DOTS_ACROSS, DOTS_DOWN = 2, 4
BLANK = "0"  # the ink of a cell without dots

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a character by row, from the top, and column of its dots."""
_LEFT, _RIGHT = zip(*reversed(DOTS), strict=True)


def glyph(bits: int) -> str:
    """The character with these dots; a blank if there are none."""
    return chr(0x2800 + bits) if bits else " "


def _dots(half: tuple[int, ...], digit: int) -> int:
    return sum(dot for bit, dot in enumerate(half) if digit >> bit & 1)


_GLYPHS = {f"{a:x}{b:x}": glyph(_dots(_LEFT, a) + _dots(_RIGHT, b)) for a in range(16) for b in range(16)}
"""Hexadecimal digits of the left and right half of a cell → its character."""


class Stroke(NamedTuple):
    """The part of a curve in one column of dots; `joined`: a line connects it to the previous stroke."""

    column: int
    first: float
    low: float
    high: float
    last: float
    joined: bool


class Tail(NamedTuple):
    """Where the last column of a curve begins: its first point, and what there was of the curve before it."""

    at: int = 0
    strokes: int = 0
    points: int = 0
    left_out: int = 0
    joined: bool = False


class Strokes(NamedTuple):
    """A curve by columns of dots, the number of drawn points, and of values that the axis cannot show."""

    strokes: list[Stroke]
    points: int
    left_out: int
    tail: Tail = Tail()


class Layer(NamedTuple):
    """Dots of one curve: an integer per column, the ink (1 to 15), and whether all other curves cover it."""

    columns: Sequence[int]
    ink: int
    faint: bool = False


def strokes(
    x: "array[float]",
    y: "array[float]",
    window: tuple[float, float],
    columns: int,
    above: float = -inf,
    before: Strokes | None = None,
) -> Strokes:
    """Reduce a curve to the first, least, greatest and last value of each column of dots, at least 2.

    The result is the same as drawing every point: within a column a curve covers the range between its extremes, and
    between columns it is a line from the last point to the first (M4, Jugel et al. 2014).

    Args:
        x: [n] not decreasing.
        y: [n]; NaN, infinities, and values not greater than `above` break the line; the last are counted.
        window: x at the centres of the first and the last column; points outside get columns outside the range.
        columns: columns of dots.
        above: 0 for a logarithmic axis.
        before: strokes of a part of the same curve that ended earlier; x and y then begin at the first point of its
            last column, `before.tail.at`.
    """
    left, right = window
    scale = (columns - 1) / (right - left)
    tail = Tail() if before is None else before.tail
    out = [] if before is None else before.strokes[: tail.strokes]
    begin, n, start, left_out, points, joined = 0, len(x), tail.at, tail.left_out, tail.points, tail.joined
    while begin < n:
        tail = Tail(start + begin, len(out), points, left_out, joined)
        column = floor((x[begin] - left) * scale + 0.5)
        end = bisect_left(x, left + (column + 0.5) / scale, begin + 1, n)
        values = y[begin:end]
        begin = end
        # The sum is not finite if any value is not, so the common case needs no loop over values.
        if isfinite(sum(values)) and (low := min(values)) > above:
            out.append(Stroke(column, values[0], low, max(values), values[-1], joined))
            points += len(values)
            joined = True
            continue
        piece: list[float] = []
        for value in [*values, None]:
            if value is not None and isfinite(value) and value > above:
                piece.append(value)
                continue
            left_out += value is not None and value <= above and isfinite(value)
            if piece:
                out.append(Stroke(column, piece[0], min(piece), max(piece), piece[-1], joined))
                points += len(piece)
            joined = value is None and bool(piece)
            piece = []
    return Strokes(out, points, left_out, tail)


def rasterise(strokes: Sequence[Stroke], row: Callable[[float], int], columns: int, rows: int) -> list[int]:
    """Draw strokes, from left to right, as the dots of each of the columns: [columns], bit 0 at the bottom.

    `row` maps a value to a row of dots counted from the bottom; dots outside the plot are clipped.
    """
    out = [0] * columns
    full = (1 << rows) - 1
    x0 = y0 = 0
    for column, first, low, high, last, joined in strokes:
        bottom = row(low)
        if high == low:
            top = y1 = y_last = bottom
        else:
            top, y1, y_last = row(high), row(first), row(last)
        if 0 <= column < columns and top >= 0 and bottom < rows:
            bottom = max(bottom, 0)
            # `full` clips a run at the top.
            out[column] |= ((1 << (min(top, rows) - bottom + 1)) - 1) << bottom & full
        if joined:
            _line(out, x0, y0, column, y1, full, rows)
        x0, y0 = column, y_last
    return out


def between(low: Sequence[int], high: Sequence[int], rows: int) -> list[int]:
    """Stipple the area between two rasterised curves, as thinly as can be told from a line: [columns].

    Where a column has a dot of the upper curve alone, the area reaches down to the lowest row.
    """
    even = sum(1 << row for row in range(0, rows, 2))
    out = []
    for column, (below, above) in enumerate(zip(low, high, strict=True)):
        if column % DOTS_ACROSS or not above:
            out.append(0)
            continue
        bottom = (below & -below).bit_length() - 1 if below else 0
        out.append(((1 << above.bit_length()) - 1 >> bottom << bottom) & even)
    return out


def _line(out: list[int], x0: int, y0: int, x1: int, y1: int, full: int, rows: int) -> None:
    """Add Bresenham's line from (x0, y0) to (x1, y1), x0 ≤ x1, column by column; half a dot rounds towards the end."""
    dx, dy = x1 - x0, abs(y1 - y0)
    first, last = max(x0, 0), min(x1, len(out) - 1)
    if dy <= dx:
        sign = 1 if y1 >= y0 else -1
        for x in range(first, last + 1):
            y = y0 + sign * ((2 * (x - x0) * dy + dx) // (2 * dx)) if dx else y0
            if 0 <= y < rows:
                out[x] |= 1 << y
        return
    for x in range(first, last + 1):
        # Rows that round to this column, counted from y0: from `a` up to where the next column begins.
        j = 2 * (x - x0)
        a = -(-dy * (j - 1) // (2 * dx)) if j else 0
        b = -(-dy * (j + 1) // (2 * dx)) - 1 if x < x1 else dy
        low, high = (y0 + a, y0 + b) if y1 > y0 else (y0 - b, y0 - a)
        low = max(low, 0)
        if low < rows and high >= low:
            out[x] |= ((1 << (min(high, rows) - low + 1)) - 1) << low & full


def compose(layers: Sequence[Layer], width: int, height: int) -> list[tuple[str, str]]:
    """Overlay curves, the last one on top.

    Dots of several curves share a cell, in the ink of the topmost; faint curves only appear in otherwise empty cells.
    Each layer has 2 × `width` columns of 4 × `height` dots.

    Returns:
        Rows from the top: characters, and the ink of each as a hexadecimal digit, `BLANK` without dots.
    """
    ones = int("1" * height, 16)
    ordered = sorted(layers, key=lambda layer: not layer.faint)
    lefts: list[str] = []
    rights: list[str] = []
    inks: list[str] = []
    for cell in range(width):
        left = right = ink = 0
        faint_left = faint_right = bold = 0
        for columns, colour, faint in ordered:
            a, b = columns[2 * cell], columns[2 * cell + 1]
            dots = a | b
            if not dots:
                continue
            # One bit in each digit whose cell has a dot; times 15 it is the whole digit.
            taken = (dots | dots >> 1 | dots >> 2 | dots >> 3) & ones
            ink = ink & ~(taken * 15) | taken * colour
            if faint:
                faint_left |= a
                faint_right |= b
            else:
                left |= a
                right |= b
                bold |= taken * 15
        lefts.append(f"{left | faint_left & ~bold:0{height}x}")
        rights.append(f"{right | faint_right & ~bold:0{height}x}")
        inks.append(f"{ink:0{height}x}")
    if not width:
        return [("", "")] * height
    # From columns to rows.
    rows = zip(*(zip(*columns, strict=True) for columns in (lefts, rights, inks)), strict=True)
    return [
        ("".join(map(_GLYPHS.__getitem__, map(add, left, right))), "".join(ink_row)) for left, right, ink_row in rows
    ]


def runs(text: str, inks: str) -> list[tuple[str, str]]:
    """Join neighbours of one ink, from left to right. Spaces have no ink and join the text before them."""
    if not inks:
        return []
    cuts = [0, *(i for i, (a, b) in enumerate(pairwise(inks), 1) if a != b), len(inks)]
    out: list[tuple[str, str]] = []
    for a, b in pairwise(cuts):
        piece, ink = text[a:b], inks[a]
        if out and (piece.isspace() or ink == out[-1][1]):
            piece, ink = out[-1][0] + piece, out.pop()[1]
        out.append((piece, ink))
    return out
