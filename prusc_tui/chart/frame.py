"""A chart without its cursor: the expensive part, computed once until data, view, size or settings change."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite
from typing import NamedTuple

from prusc_tui.chart.axes import (
    Tick,
    Window,
    XMode,
    calm_bounds,
    calm_log_bounds,
    calm_reach,
    row_of,
    x_ticks,
    y_ticks,
)
from prusc_tui.chart.braille import DOTS_ACROSS, DOTS_DOWN, Layer, Stroke, Strokes, between, compose, rasterise
from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.curves import Curve, extent, visible

FAINT = 1  # ink of raw curves behind smoothed ones
FIRST_COLOUR = 2  # ink of the first colour of the palette; 14 fit
COLOURS = 14
LEAST_LABELS = 5  # minimum width of the labels of the y axis, as the name of the x axis is below them

_HUGE, _SMALL = 1e290, 1e-290


@dataclass(frozen=True, slots=True)
class Settings:
    """How a chart shows its curves.

    Attributes:
        mode: meaning of x.
        log: logarithmic y axis.
        smoothing: weight of the moving average; 0 shows raw curves alone.
        view: window of x; None shows all and follows the newest.
        reach: whole range of x, if charts share an axis; None for that of the curves.
        unit: of y; `%` keeps the axis within 0 to 100.
        marker: x of a vertical line; None for no line.
    """

    mode: XMode = "step"
    log: bool = False
    smoothing: float = 0.0
    view: Window | None = None
    reach: Window | None = None
    unit: str = ""
    marker: float | None = None


class Mark(NamedTuple):
    """A mark of a curve in the plot, at a cell from the left and from the top."""

    x: int
    y: int
    character: str
    ink: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot area (cells across and down) and its axes.

    Attributes:
        rows: characters and inks from the top.
        marks: the topmost last.
        y_ticks: the lowest first.
        window: x at the first and the last column of dots.
        bounds: y at the lowest and the highest row of dots; None if nothing can be drawn.
        left_out: values that a logarithmic axis cannot show.
    """

    across: int
    down: int
    rows: list[tuple[str, str]]
    marks: list[Mark]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    window: Window
    bounds: tuple[float, float] | None
    log: bool
    left_out: int

    @property
    def label_width(self) -> int:
        """Cells of the labels of the y axis."""
        return label_width(self.y_ticks)

    def column(self, x: float) -> int:
        """Cell of `x` from the left; may be outside."""
        left, right = self.window
        return floor((x - left) / (right - left) * (DOTS_ACROSS * self.across - 1) + 0.5) // DOTS_ACROSS

    def x_at(self, cell: float) -> float:
        """The x at the middle of a cell."""
        left, right = self.window
        return left + (right - left) * (DOTS_ACROSS * cell + 0.5) / (DOTS_ACROSS * self.across - 1)

    def row(self, y: float) -> int | None:
        """Cell of `y` from the top; None if it is outside."""
        if self.bounds is None or not isfinite(y) or (self.log and y < _SMALL):
            return None
        dot = row_of(*self.bounds, DOTS_DOWN * self.down, log=self.log)(y)
        return self.down - 1 - dot // DOTS_DOWN if 0 <= dot < DOTS_DOWN * self.down else None

    @property
    def cell(self) -> float:
        """Span of x in one cell."""
        return (self.window[1] - self.window[0]) / max(1, self.across)


def label_width(ticks: Sequence[Tick]) -> int:
    """Common width of the labels of a y axis, in cells."""
    return max([LEAST_LABELS, *(len(tick.label) for tick in ticks)])


def build(curves: Sequence[Curve], settings: Settings, width: int, height: int, cache: CurveCache) -> Frame:
    """Draw curves, the last one on top; the width includes the labels of the y axis, the height no x axis."""
    window = settings.view or settings.reach or full(curves, settings.mode) or (0.0, 1.0)
    # The labels' width affects the plot's width, which hardly affects the range of y: two rounds are enough.
    across = max(1, width - LEAST_LABELS - 1)
    drawn = _gather(curves, settings, window, across, cache)
    bands = _bands(curves, settings, window, across, cache)
    every = [*(lines for _, _, lines in drawn), *(edge for _, *edges in bands for edge in edges)]
    bounds = _bounds(every, settings, across)
    ticks = y_ticks(*bounds, height, log=settings.log) if bounds else []
    if (wider := label_width(ticks)) > LEAST_LABELS:
        across = max(1, width - wider - 1)
        drawn = _gather(curves, settings, window, across, cache)
        bands = _bands(curves, settings, window, across, cache)
    rows = [(" " * across, "0" * across)] * height
    marks: list[Mark] = []
    if bounds:
        row = row_of(*bounds, DOTS_DOWN * height, log=settings.log)
        size = DOTS_ACROSS * across, DOTS_DOWN * height
        layers = [
            Layer(between(rasterise(low.strokes, row, *size), rasterise(high.strokes, row, *size), size[1]), ink, True)
            for ink, low, high in bands
        ]
        layers += [Layer(rasterise(curve.strokes, row, *size), ink, ink == FAINT) for _, ink, curve in drawn]
        rows = compose(layers, across, height)
        sharp = [(curve, ink, lines) for curve, ink, lines in drawn if ink != FAINT]
        for number, (curve, ink, lines) in enumerate(sharp):
            marks += [
                Mark(stroke.column // DOTS_ACROSS, y, curve.mark, f"{ink:x}")
                for stroke in _marked(lines, across, number, len(sharp))
                if 0 <= (y := height - 1 - row(stroke.last) // DOTS_DOWN) < height
            ]
    left_out = sum(lines.left_out for _, ink, lines in drawn if ink != FAINT)
    across_ticks = x_ticks(*window, across, settings.mode) if bounds else []
    return Frame(across, height, rows, marks, across_ticks, ticks, window, bounds, settings.log, left_out)


def full(curves: Sequence[Curve], mode: XMode) -> Window | None:
    """The window that shows all of the curves; None if there are no points."""
    ends = extent(curves)
    return calm_reach(*ends, mode) if ends else None


def ink_of(curve: Curve) -> int:
    """Ink of a curve: colours repeat."""
    return FIRST_COLOUR + curve.colour % COLOURS


def _gather(
    curves: Sequence[Curve], settings: Settings, window: Window, across: int, cache: CurveCache
) -> list[tuple[Curve, int, Strokes]]:
    """Strokes of every curve with its ink; a smoothed one comes after its raw one."""
    above = _SMALL if settings.log else -_HUGE
    out: list[tuple[Curve, int, Strokes]] = []
    for curve in curves:
        part = visible(curve, window)
        where = (window[0] + curve.origin, window[1] + curve.origin), DOTS_ACROSS * across, above
        raw = cache.strokes(curve.key, "raw", curve.x, curve.y, part, *where)
        ink = ink_of(curve)
        if settings.smoothing and curve.smooth:
            smooth = cache.smoothed(curve.key, curve.x, curve.y, settings.smoothing)
            out.append((curve, FAINT, raw))
            course = cache.strokes(curve.key, settings.smoothing, curve.x, smooth, part, *where)
            raw = course._replace(left_out=raw.left_out)
        out.append((curve, ink, raw))
    return out


def _bands(
    curves: Sequence[Curve], settings: Settings, window: Window, across: int, cache: CurveCache
) -> list[tuple[int, Strokes, Strokes]]:
    """Ink, lower and upper edge of the band of every curve that has one; smoothed as the curve is."""
    above = _SMALL if settings.log else -_HUGE
    out: list[tuple[int, Strokes, Strokes]] = []
    for curve in curves:
        if curve.band is None:
            continue
        part = visible(curve, window)
        where = (window[0] + curve.origin, window[1] + curve.origin), DOTS_ACROSS * across, above
        edges: list[Sequence[float]] = list(curve.band)
        if settings.smoothing and curve.smooth:
            named = enumerate(curve.band)
            edges = [cache.smoothed((curve.key, n), curve.x, edge, settings.smoothing) for n, edge in named]
        kinds = enumerate(edges)
        low, high = (
            cache.strokes((curve.key, n), settings.smoothing, curve.x, edge, part, *where) for n, edge in kinds
        )
        out.append((ink_of(curve), low, high))
    return out


def _bounds(drawn: Sequence[Strokes], settings: Settings, across: int) -> tuple[float, float] | None:
    """Range of y in the window; of the lines that cross it if it has no points."""
    every = [stroke for lines in drawn for stroke in lines.strokes]
    seen = [stroke for stroke in every if 0 <= stroke.column < DOTS_ACROSS * across] or every
    if not seen:
        return None
    # Differences of larger numbers would be infinite.
    ends = min(stroke.low for stroke in seen), max(stroke.high for stroke in seen)
    low, high = (max(-_HUGE, min(_HUGE, end)) for end in ends)
    if settings.log:
        return calm_log_bounds(low, high)
    return calm_bounds(low, high, 0.0 if low >= 0 else -_HUGE, 100.0 if settings.unit == "%" else _HUGE)


def _marked(lines: Strokes, across: int, number: int, of: int) -> list[Stroke]:
    """Strokes that get a mark: all if points are few, else the last one, and a few more if there are several curves."""
    inside = [stroke for stroke in lines.strokes if 0 <= stroke.column < DOTS_ACROSS * across]
    if lines.points <= across // 4:
        return inside
    out = inside[-1:]
    if of > 1:
        every = DOTS_ACROSS * max(12, across // 3)
        due = every * (number + 1) // (of + 1)
        for stroke in inside:
            if stroke.column >= due:
                out.append(stroke)
                due += every * ((stroke.column - due) // every + 1)
    return out
