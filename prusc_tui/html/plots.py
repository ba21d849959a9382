"""The figures of a report as SVG and PNG by matplotlib, for a paper."""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.runs.text import safe_text
from prusc_tui.chart.axes import share_label, x_ticks
from prusc_tui.html.figures import Bars, Chart, Figure, Intervals, points

INK, RULE = "#1f2428", "#dddbd5"
ROLES = {"before": "#9aa3a9", "after": "#0a6c8c", "worst": "#b42318"}
SERIES = ("#0a6c8c", "#c26a12", "#7a4fa3", "#3d8540", "#b8433a", "#56677a", "#977a17", "#c2508a")
MARKS = "os^Dv<>p"
STYLE: Any = {
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": RULE,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "prusc",  # the same figure is the same file
    "text.parse_math": False,  # names may have dollar signs
}


def need_matplotlib() -> None:
    """Raise InputError if matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError("--figures needs matplotlib: install prusc-tui[report]") from None


def save(figures: Sequence[Figure], folder: Path) -> Iterator[Path]:
    """Write each figure as SVG and as PNG at 200 dots per inch; return the files."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        with mpl.rc_context(STYLE):
            canvas = Canvas(figsize=(6.4, _height(figure)), layout="constrained")
            axes = canvas.add_subplot()
            axes.set_title(safe_text(figure.title), loc="left", fontsize=10)
            _plot(figure, axes)
            for suffix, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 200})):
                path = folder / f"{figure.name}.{suffix}"
                canvas.savefig(path, **options)
                yield path


def _height(figure: Figure) -> float:
    """Inches."""
    match figure:
        case Intervals():
            return 0.9 + sum(0.22 * len(row.dots) + 0.12 for row in figure.rows)
        case Bars():
            return 0.9 + 0.18 * len(figure.bars)
    return 3.2


@singledispatch
def _plot(figure: Figure, axes: Any) -> None:  # noqa: ARG001
    raise TypeError(type(figure))


@_plot.register
def _(figure: Intervals, axes: Any) -> None:
    y, ticks = 0.0, []
    for row in figure.rows:
        for dot in row.dots:
            ends = [[dot.value - dot.low], [dot.high - dot.value]]
            axes.errorbar([dot.value], [y], xerr=ends, fmt="o", markersize=4, color=ROLES[dot.role], elinewidth=1.4)
            title = f"{row.title} ({row.note})" if row.note else row.title
            ticks.append((y, f"{title}  {dot.name}" if dot is row.dots[0] else dot.name))
            y += 1
        y += 0.6
    _rows(axes, ticks)


@_plot.register
def _(figure: Bars, axes: Any) -> None:
    axes.barh(range(len(figure.bars)), [bar.value for bar in figure.bars], height=0.6, color=ROLES["after"])
    _rows(axes, list(enumerate(bar.title for bar in figure.bars)))


@_plot.register
def _(figure: Chart, axes: Any) -> None:
    for number, curve in enumerate(figure.curves):
        x, y = zip(*points(curve), strict=True)
        mark = None if curve.smooth else MARKS[number % len(MARKS)]
        axes.plot(
            x,
            y,
            color=SERIES[number % len(SERIES)],
            linewidth=1.2,
            marker=mark,
            markersize=3.5,
            label=safe_text(curve.name),
        )
    axes.set_ylim(*figure.y)
    if figure.log:
        axes.set_yscale("log")
    axes.set_ylabel("per cent" if figure.unit else "")
    axes.set_xlabel("share of weights kept" if figure.mode == "kept" else figure.mode)
    if figure.mode == "kept":
        ticks = x_ticks(*figure.x, 60, "kept")
        axes.set_xticks([tick.value for tick in ticks], [share_label(tick.value) for tick in ticks])
    if any(curve.name for curve in figure.curves):
        axes.legend()


def _rows(axes: Any, ticks: Sequence[tuple[float, str]]) -> None:
    axes.set_yticks([y for y, _ in ticks], [safe_text(text) for _, text in ticks])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("per cent")
    axes.grid(axis="y", visible=False)
