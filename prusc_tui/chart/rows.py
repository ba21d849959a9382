"""A chart as rows of text: title, legend, axes, plot and cursor."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from core.runs.text import safe_text
from prusc_tui.chart.axes import label_start
from prusc_tui.chart.braille import BLANK, runs
from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.curves import Curve, Reading, last, place_text, read, value_text
from prusc_tui.chart.frame import COLOURS, FIRST_COLOUR, Frame, Settings, build, ink_of
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, ink

TITLE, MUTED, TRACK, ACCENT, VALUE = "T", "M", "K", "A", "V"
"""Inks other than those of curves, which are hexadecimal digits."""

MARKER = "┊"  # character of the marker's line

Row = tuple[str, str]
"""Characters, and the ink of each."""

_VALUE_WIDTH = 8
_BAND_WIDTH = 16
_BETWEEN = 2
_LEAST_HEIGHT = 6


@dataclass(frozen=True, slots=True)
class Plan:
    """Layout of a chart: curves of each row of the legend, whether it is beside the title, and how many are left out.

    `plot` are the rows of the plot; `axis` is whether there is room for the x axis.
    """

    width: int
    height: int
    lines: tuple[tuple[int, ...], ...]
    inline: bool
    hidden: int
    plot: int
    axis: bool


def styles(palette: Palette) -> dict[str, str]:
    """Ink → style."""
    roles = {"0": palette.track, "1": palette.track, TITLE: f"bold {palette.text}", MUTED: palette.muted}
    roles |= {TRACK: palette.track, ACCENT: f"bold {palette.accent}", VALUE: palette.text}
    return roles | {f"{FIRST_COLOUR + i:x}": palette.of_series(i) for i in range(COLOURS)}


class Line:
    """A row of text, written piece by piece."""

    def __init__(self) -> None:
        self.text = ""
        self.inks = ""

    def add(self, text: str, ink: str) -> "Line":
        """Write `text` in `ink`."""
        self.text += text
        self.inks += ink * len(text)
        return self

    def join(self, other: "Line") -> None:
        """Write another row after this one."""
        self.text += other.text
        self.inks += other.inks


def fitted(text: str, inks: str, width: int) -> Row:
    """A row, cut or filled to `width` cells."""
    text = set_cell_size(text, width)
    return text, (inks + BLANK * len(text))[: len(text)]


def plan(curves: Sequence[Curve], settings: Settings, title: str, width: int, height: int) -> Plan:
    """Lay out a chart by the curves' names, not their values, so that nothing jumps while these change."""
    sizes = [entry_width(curve, settings) for curve in curves]
    axis = height >= _LEAST_HEIGHT
    room = width - cell_len(safe_text(title)) - 5 - _flags_room(settings)
    if sum(sizes) + _BETWEEN * len(sizes) <= room:
        lines, inline = [list(range(len(curves)))], True
    else:
        lines, inline, used = [[]], False, 0
        for index, size in enumerate(sizes):
            if lines[-1] and used + size > width - 2:
                lines.append([])
                used = 0
            lines[-1].append(index)
            used += size + _BETWEEN
    allowed = 1 if inline else 0 if height < _LEAST_HEIGHT + 2 else 1 if height < 14 else 2 if height < 24 else 4
    kept = lines[:allowed]
    hidden = len(curves) - sum(len(line) for line in kept)
    top = 1 if inline else 1 + len(kept)
    rows = max(1, height - top - (2 if axis else 0))
    return Plan(width, height, tuple(map(tuple, kept)), inline, hidden, rows, axis)


def entry_width(curve: Curve, settings: Settings) -> int:
    """Cells of a curve in the legend, with a fixed width for the value."""
    smoothed = _VALUE_WIDTH + 2 if settings.smoothing and curve.smooth else 0
    named = cell_len(safe_text(curve.name)) + 1 if curve.name else 0
    return 2 + named + _VALUE_WIDTH + (_BAND_WIDTH if curve.band else 0) + smoothed


def picture(
    frame: Frame,
    plan: Plan,
    curves: Sequence[Curve],
    settings: Settings,
    title: str,
    cache: CurveCache,
    *,
    cursor: float | None = None,
    active: bool = False,
) -> list[Row]:
    """Compose a chart from its frame: [height] rows of `width` cells.

    The legend has the values at the cursor, or the newest; `active` is whether keys go to this chart.
    """
    readings = [last(c) if cursor is None else read(c, cursor, frame.cell / 2) for c in curves]
    digits = 4 if cursor is None else 5
    entries = [_entry(c, r, settings, cache, digits) for c, r in zip(curves, readings, strict=True)]
    rows = _head(frame, plan, settings, title, active, entries)
    if frame.bounds is None:
        below = plan.height - len(rows)
        text = ("no value above 0 for a logarithmic axis" if frame.left_out else "no values yet").center(plan.width)
        blank = fitted("", "", plan.width)
        return rows + [blank if y != below // 2 else fitted(text, MUTED * len(text), plan.width) for y in range(below)]
    at = None if cursor is None else frame.column(cursor)
    if at is not None and not 0 <= at < frame.across:
        at = None
    body = _body(frame, at, curves, readings if at is not None else [], settings.marker)
    labels = {tick.at: tick.label for tick in frame.y_ticks}
    gutter = frame.label_width
    for row, (text, inks) in enumerate(body):
        label = labels.get(row)
        side = f"{label or '':>{gutter}}" + ("┤" if label is not None else "│")
        rows.append((side + text, MUTED * gutter + TRACK + inks))
    if plan.axis:
        place = None if at is None or cursor is None else place_text(cursor, settings.mode)
        rows += _x_axis(frame, settings, at, place)
    return [fitted(*row, plan.width) for row in rows[: plan.height]]


def _head(frame: Frame, plan: Plan, settings: Settings, title: str, active: bool, entries: Sequence[Line]) -> list[Row]:
    line = Line().add("▸ " if active else "  ", ACCENT).add(safe_text(title), TITLE)
    legend = [Line() for _ in plan.lines]
    for row, indices in zip(legend, plan.lines, strict=True):
        for index in indices:
            row.add(" " * _BETWEEN, BLANK).join(entries[index])
    if plan.inline:
        for row in legend:
            line.add(" ", BLANK).join(row)
    flags = _flags(frame, settings)
    if plan.hidden:
        if legend:
            legend[-1].add(f"  +{plan.hidden}", MUTED)
        else:
            flags.append(f"{plan.hidden} curves")
    tail = " · ".join(flags)
    free = plan.width - cell_len(line.text) - cell_len(tail) - 1
    if tail and free >= 2:
        line.add(" " * free, BLANK).add(tail, MUTED)
    rows = [line] if plan.inline else [line, *legend]
    return [fitted(row.text, row.inks, plan.width) for row in rows]


def _flags(frame: Frame, settings: Settings) -> list[str]:
    flags = {
        f"{frame.left_out:,} ≤ 0 left out": frame.left_out,
        "log": settings.log,
        f"smooth {settings.smoothing:g}": settings.smoothing,
        "zoomed": settings.view,
    }
    return [flag for flag, on in flags.items() if on]


def _flags_room(settings: Settings) -> int:
    return 5 * settings.log + 13 * bool(settings.smoothing) + 9 * bool(settings.view)


def _entry(curve: Curve, reading: Reading | None, settings: Settings, cache: CurveCache, digits: int) -> Line:
    """Mark, name and value of a curve, the ends of its band in brackets, and the smoothed value after ≈."""
    line = Line().add(f"{curve.mark} ", f"{ink_of(curve):x}")
    if curve.name:
        line.add(f"{safe_text(curve.name)} ", MUTED)
    value = "–" if reading is None else value_text(reading.y, settings.unit, digits)
    line.add(f"{value:<{_VALUE_WIDTH}}", VALUE)
    if curve.band is not None:
        ends = [] if reading is None else [value_text(edge[reading.at], settings.unit, 3) for edge in curve.band]
        text = f"({'–'.join(ends)})" if ends else ""
        line.add(f"{text:<{_BAND_WIDTH}}", MUTED)
    if settings.smoothing and curve.smooth:
        smooth = "–"
        if reading is not None:
            values = cache.smoothed(curve.key, curve.x, curve.y, settings.smoothing)
            smooth = value_text(values[reading.at], settings.unit, digits)
        line.add(f"≈ {smooth:<{_VALUE_WIDTH}}", MUTED)
    return line


def _body(
    frame: Frame, at: int | None, curves: Sequence[Curve], readings: Sequence[Reading | None], marker: float | None
) -> list[Row]:
    """The plot over its grid, with marks, cursor, and the marker's line in empty cells."""
    grid = {tick.at for tick in frame.y_ticks}
    texts = [list(text.replace(" ", "┈") if y in grid else text) for y, (text, _) in enumerate(frame.rows)]
    inks = [list(row_inks) for _, row_inks in frame.rows]
    if at is not None:
        for text, ink in zip(texts, inks, strict=True):
            if ink[at] in (BLANK, "1"):
                text[at], ink[at] = "│", ACCENT
    for mark in frame.marks:
        if 0 <= mark.x < frame.across:
            texts[mark.y][mark.x], inks[mark.y][mark.x] = mark.character, mark.ink
    for curve, reading in zip(curves, readings, strict=False):
        y = None if reading is None else frame.row(reading.y)
        if reading is not None and y is not None and 0 <= (x := frame.column(reading.x)) < frame.across:
            texts[y][x], inks[y][x] = curve.mark, f"{ink_of(curve):x}"
    if marker is not None and 0 <= (x := frame.column(marker)) < frame.across:
        for text, ink in zip(texts, inks, strict=True):
            if text[x] in " ┈":
                text[x], ink[x] = MARKER, MUTED
    return [("".join(text), "".join(ink)) for text, ink in zip(texts, inks, strict=True)]


def _x_axis(frame: Frame, settings: Settings, at: int | None, place: str | None) -> list[Row]:
    ticks = {tick.at for tick in frame.x_ticks}
    gutter = frame.label_width
    rule = "".join("┴" if x == at else "┬" if x in ticks else "─" for x in range(frame.across))
    rule_inks = "".join(ACCENT if x == at else TRACK for x in range(frame.across))
    labels = [" "] * frame.across
    inks = [MUTED] * frame.across
    for tick in frame.x_ticks:
        start = label_start(tick, frame.across)
        labels[start : start + len(tick.label)] = tick.label
    if at is not None and place is not None and len(place) <= frame.across:
        start = max(0, min(at - len(place) // 2, frame.across - len(place)))
        end = start + len(place)
        # A label that the cursor's label touches is removed as a whole.
        for tick in frame.x_ticks:
            begin = label_start(tick, frame.across)
            if begin < end + 1 and begin + len(tick.label) > start - 1:
                labels[begin : begin + len(tick.label)] = " " * len(tick.label)
        labels[start:end] = place
        inks[start:end] = ACCENT * len(place)
    return [
        (" " * gutter + "└" + rule, BLANK * gutter + TRACK + rule_inks),
        (f"{settings.mode:>{gutter}} " + "".join(labels), MUTED * (gutter + 1) + "".join(inks)),
    ]


@dataclass(frozen=True, slots=True)
class Still:
    """A chart that can be drawn at any size."""

    title: str
    curves: Sequence[Curve]
    settings: Settings
    _cache: CurveCache = field(default_factory=CurveCache)

    def gutter(self, width: int, height: int) -> int:
        """Cells of the labels of its y axis."""
        return self._framed(width, height)[1].label_width

    def drawn(self, width: int, height: int, palette: Palette) -> list[Text]:
        """Title, legend, plot and axis as `height` lines of `width` cells."""
        layout, frame = self._framed(width, height)
        rows = picture(frame, layout, self.curves, self.settings, self.title, self._cache)
        by_ink = styles(palette)
        lines = []
        for row in rows:
            line = ink("")
            for text, colour in runs(*row):
                line.append(text, by_ink[colour])
            lines.append(fit(line, width))
        return lines

    def _framed(self, width: int, height: int) -> tuple[Plan, Frame]:
        layout = plan(self.curves, self.settings, self.title, width, height)
        return layout, build(self.curves, self.settings, width, layout.plot, self._cache)
