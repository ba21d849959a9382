"""What is known of growing curves, so that a redraw costs no more for a long run than for a short one."""

from array import array
from collections.abc import Collection, Hashable, Sequence
from operator import is_
from typing import NamedTuple

from core.feed.series import Column
from prusc_tui.chart.braille import Strokes, strokes
from prusc_tui.chart.curves import as_array
from prusc_tui.chart.smooth import Smoothed

MOST_KINDS = 8
"""Drawings kept of one curve: raw and smoothed, each in the two widths that a chart tries."""


class _Drawn(NamedTuple):
    """Strokes of a curve up to its point `end`, in a window of so many columns; `sources` hold its points."""

    sources: tuple[object, object]
    place: tuple[int, tuple[float, float], int, float]
    end: int
    strokes: Strokes


class CurveCache:
    """Smoothed values and strokes by key; for a curve that only grew, just the new points are computed."""

    def __init__(self) -> None:
        self._smoothed: dict[Hashable, tuple[Smoothed, float, float]] = {}
        self._drawn: dict[Hashable, dict[Hashable, _Drawn]] = {}

    def smoothed(self, key: Hashable, x: Sequence[float], y: Sequence[float], weight: float) -> "array[float]":
        """Return the smoothed `y`.

        A curve has only grown if its last known point is unchanged; otherwise, as after a resume on another course, all
        is computed again.
        """
        done, last_x, last_y = self._smoothed.get(key, (Smoothed(weight), 0.0, 0.0))
        n = len(done.values)
        # Repr, as NaN differs from itself.
        moved = n > len(y) or (n > 0 and (x[n - 1] != last_x or repr(y[n - 1]) != repr(last_y)))
        if moved or done.weight != weight:
            done, n = Smoothed(weight), 0
        if n < len(y):
            done.extend(y[n:])
            self._smoothed[key] = done, x[len(y) - 1], y[len(y) - 1]
        return done.values

    def strokes(
        self,
        key: Hashable,
        kind: Hashable,
        x: Sequence[float],
        y: Sequence[float],
        visible: tuple[int, int],
        window: tuple[float, float],
        columns: int,
        above: float,
    ) -> Strokes:
        """Return the strokes of the visible points `begin` … `end` of a curve, as `braille.strokes` does.

        A curve has only grown if x and y are the same objects, or parts of the same buffers. `kind` tells apart what is
        drawn of one curve: raw and smoothed values, the edges of its band.
        """
        begin, end = visible
        place, sources = (begin, window, columns, above), (_source(x), _source(y))
        kinds = self._drawn.setdefault(key, {})
        known = kinds.get((kind, columns))
        if known is not None and not (
            known.place == place and known.end <= end and all(map(is_, known.sources, sources))
        ):
            known = None
        if known is not None and known.end == end:
            return known.strokes
        before = None if known is None else known.strokes
        start = begin + (0 if before is None else before.tail.at)
        made = strokes(as_array(x, start, end), as_array(y, start, end), window, columns, above, before)
        if len(kinds) >= MOST_KINDS:
            kinds.clear()
        kinds[kind, columns] = _Drawn(sources, place, end, made)
        return made

    def keep(self, keys: Collection[Hashable]) -> None:
        """Forget all other curves."""
        self._smoothed = {key: known for key, known in self._smoothed.items() if key in keys}
        self._drawn = {key: known for key, known in self._drawn.items() if key in keys}


def _source(values: Sequence[float]) -> object:
    """What holds the values, and is only ever added to."""
    return values.buffer if isinstance(values, Column) else values
