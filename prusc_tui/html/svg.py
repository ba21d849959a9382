"""Figures as inline SVG: positions in per cent of the width and text in pixels, so that it is legible on any screen.

Colours come from the style sheet of the page, by class, so that they follow a light or a dark theme.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from math import isfinite, log10

from prusc_tui.chart.axes import share_label, x_ticks, y_ticks
from prusc_tui.html.figures import Bars, Chart, Dot, Figure, Intervals, points, stretch
from prusc_tui.html.markup import Markup, joined, tag

TOP, TITLE, DOT, GAP = 24, 20, 17, 12
"""Pixels: the axis above the rows, the title of a row, one dot, the space below a row."""
BAR = 18
"""Pixels of one bar."""
HEIGHT = 190
"""Pixels of a chart."""
LETTER, MARGIN = 6.6, 18
"""Pixels of a letter and beside it, of the names at the left of rows."""
LEAST_LETTERS, MOST_LETTERS = 8, 20
"""Length of such a name: room for at least, and cut beyond."""
MOST_MARKS = 60
"""Maximum number of points that are marked on a curve."""
COLOURS = 8
"""Number of colours of curves in the style sheet."""


def drawn(figure: Figure) -> Markup:
    """The figure with its title and what it shows."""
    return tag(
        "figure",
        tag("h3", figure.title),
        _drawn(figure),
        tag("figcaption", figure.about) if figure.about else None,
        id=figure.name,
    )


@singledispatch
def _drawn(figure: Figure) -> Markup:
    raise TypeError(type(figure))


@_drawn.register
def _(figure: Intervals) -> Markup:
    y, rows = TOP, []
    gutter = _gutter(dot.name for row in figure.rows for dot in row.dots)
    for row in figure.rows:
        title = tag("tspan", row.title, class_="name")
        rows.append(tag("text", title, tag("tspan", f"  {row.note}", class_="note"), x=-gutter, y=y + 13))
        y += TITLE
        for dot in row.dots:
            rows.append(_dot(dot, y + DOT // 2))
            y += DOT
        y += GAP
    return _svg(figure, "rows", y - GAP + 4, _scale(y - GAP), *rows, gutter=gutter)


@_drawn.register
def _(figure: Bars) -> Markup:
    rows = []
    for number, (title, value) in enumerate(figure.bars):
        y = TOP + number * BAR
        rows += [
            tag("text", _cut(title), tag("title", title), x=-10, y=y + 12, class_="left"),
            tag("rect", x=0, y=y + 3, width="100%", height=10, class_="track"),
            tag("rect", x=0, y=y + 3, width=_at(value), height=10, class_="after"),
            tag("text", f"{value:.1f}", x="100%", dx=10, y=y + 12),
        ]
    height, gutter = TOP + len(figure.bars) * BAR, _gutter(bar.title for bar in figure.bars)
    return _svg(figure, "rows bars", height, _scale(height), *rows, gutter=gutter)


@_drawn.register
def _(figure: Chart) -> Markup:
    (left, right), (low, high) = figure.x, figure.y

    def across(x: float) -> float:
        return 100 * (x - left) / (right - left)

    def up(y: float) -> float:
        bottom, top, value = (log10(low), log10(high), log10(y)) if figure.log else (low, high, y)
        return 100 * (1 - (value - bottom) / (top - bottom))

    grid: list[Markup] = []
    for tick in y_ticks(low, high, 11, log=figure.log):
        grid += [
            tag("line", x1=0, x2="100%", y1=_at(up(tick.value)), y2=_at(up(tick.value)), class_="grid"),
            tag("text", tick.label, x=-8, y=_at(up(tick.value)), dy="0.32em", class_="left tick"),
        ]
    for tick in x_ticks(left, right, 34, figure.mode):
        grid.append(tag("text", tick.label, x=_at(across(tick.value)), y="100%", dy=18, class_="middle tick"))
    paths, marks = [], []
    for number, curve in enumerate(figure.curves):
        usable = [(x, y if isfinite(y) and (y > 0 or not figure.log) else None) for x, y in points(curve)]
        steps = [(across(x), None if y is None else up(y)) for x, y in usable]
        paths.append(
            tag("path", d=_path(steps), class_=f"curve s{number % COLOURS}", vector_effect="non-scaling-stroke")
        )
        if len(curve.x) <= MOST_MARKS and not curve.smooth:
            marks += [
                tag(
                    "circle",
                    tag("title", f"{curve.name} {_where(figure, x)}: {y:.4g}{' %' if figure.unit else ''}"),
                    cx=_at(across(x)),
                    cy=_at(up(y)),
                    r=3,
                    class_=f"s{number % COLOURS}",
                )
                for x, y in usable
                if y is not None
            ]
    inner = tag("svg", *paths, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height="100%")
    legend = [
        tag("li", tag("span", "", class_=f"key s{number % COLOURS}"), curve.name or figure.title)
        for number, curve in enumerate(figure.curves)
    ]
    x_title = {"kept": "share of weights kept", "step": "step"}.get(figure.mode, figure.mode)
    if figure.mode == "step" and (size := stretch(figure.curves)) > 1:
        x_title += f"; a point is the mean of up to {size:,} values"
    return joined(
        [
            tag("ul", *legend, class_="legend") if len(legend) > 1 or figure.curves[0].name else None,
            _svg(figure, "chart", HEIGHT, *grid, inner, *marks),
            tag("p", x_title, class_="axis"),
        ]
    )


def _svg(figure: Figure, kind: str, height: float, *children: Markup, gutter: int | None = None) -> Markup:
    label = f"{figure.title}. {figure.about}"
    style = None if gutter is None else f"--left: {gutter}px"
    return tag("svg", *children, class_=f"plot {kind}", height=height, role="img", aria_label=label, style=style)


def _gutter(names: Iterable[str]) -> int:
    return round(MARGIN + LETTER * min(MOST_LETTERS, max((LEAST_LETTERS, *map(len, names)))))


def _scale(bottom: float) -> Markup:
    """The axis from 0 to 100 % above rows, with its grid."""
    marks: list[Markup] = []
    for value in (0, 25, 50, 75, 100):
        marks.append(tag("line", x1=_at(value), x2=_at(value), y1=TOP - 6, y2=bottom, class_="grid"))
        marks.append(tag("text", str(value) + ("" if value < 100 else " %"), x=_at(value), y=11, class_="middle tick"))
    return joined(marks)


def _dot(dot: Dot, y: int) -> Markup:
    name = tag("text", _cut(dot.name), x=-10, y=y + 4, class_="left")
    if dot.value != dot.value:
        return joined([name, tag("text", "no samples", x=4, y=y + 4)])
    change = "" if dot.change is None else f" {'+' if dot.change >= 0 else '−'}{abs(dot.change):.1f}"
    return tag(
        "g",
        tag("title", f"{dot.name}: {dot.value:.1f} % ({dot.low:.1f}–{dot.high:.1f})"),
        name,
        tag("line", x1=_at(dot.low), x2=_at(dot.high), y1=y, y2=y, class_="interval"),
        tag("circle", cx=_at(dot.value), cy=y, r=4.5),
        tag("text", tag("tspan", f"{dot.value:.1f}", class_="value"), change, x="100%", dx=10, y=y + 4),
        class_=dot.role,
    )


def _path(steps: Sequence[tuple[float, float | None]]) -> str:
    def parts() -> Iterator[str]:
        pen = "M"
        for x, y in steps:
            if y is None:
                pen = "M"
                continue
            yield f"{pen}{x:.2f} {y:.2f}"
            pen = "L"

    return "".join(parts())


def _where(figure: Chart, x: float) -> str:
    return share_label(x) if figure.mode == "kept" else f"at step {x:,.0f}"


def _at(value: float) -> str:
    return f"{value:.2f}%"


def _cut(text: str, most: int = MOST_LETTERS) -> str:
    """Cut in the middle, to fit the gutter."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) :]}"
