"""A parameter of a sweep against the rule by which its points are compared."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import log
from statistics import fmean, pstdev

from rich.cells import cell_len
from rich.text import Text

from core.results.settings import show
from core.words import percent
from prusc_tui.chart.axes import GAP, Tick, calm_bounds, label_start, row_of
from prusc_tui.chart.marks import MARGIN, framed
from prusc_tui.palette import Palette
from prusc_tui.screens.sweep.state import Row, State
from prusc_tui.widgets.bars import fit, heading, ink, safe, wrap

MEAN, ONE, BEST = "●", "∙", "◆"
LEAST = 6  # height below which the chart is omitted


def parameters(state: State) -> list[str]:
    """What takes several values in the sweep, in its order."""
    values: dict[str, set[str]] = {}
    for row in state.rows:
        for key, value in row.axes.items():
            values.setdefault(key, set()).add(repr(value))
    return [key for key, different in values.items() if len(different) > 1]


def is_logarithmic(values: Sequence[float], declared: str = "") -> bool:
    """Whether values belong on a logarithmic axis: as declared by the range, else if their ratios are more even."""
    if declared:
        return declared.startswith("log:")
    rising = sorted(set(values))
    if len(rising) < 3 or rising[0] <= 0:
        return False
    gaps = [b - a for a, b in pairwise(rising)]
    ratios = [log(b / a) for a, b in pairwise(rising)]
    return pstdev(ratios) / fmean(ratios) < pstdev(gaps) / fmean(gaps)


def chart(state: State, parameter: str, chosen: Row | None, width: int, height: int, palette: Palette) -> list[Text]:
    """Draw the value of every run and the mean of every point over a parameter; that of `chosen` is reversed.

    The lines are exactly `height`, or none if the chart does not fit.
    """
    if height < LEAST or width < 24:
        return []
    rows = [row for row in state.rows if parameter in row.axes]
    place, ticks, is_log = _x_axis([row.axes[parameter] for row in rows], state.sweep.study.space.get(parameter, ""))
    note = f"{state.rule} on validation, %{'; log axis' if is_log else ''}"
    title = heading(safe(parameter), note, width, palette)
    known = [row for row in rows if row.mean is not None]
    if not known:
        return [title, *wrap(ink("The first point appears when a run has finished.", palette.muted), width)][:height]
    values = [100 * value for row in known for value in row.values if value is not None]
    low, high = calm_bounds(min(values), max(values), 0, 100)
    legend = height >= LEAST + 3
    across, down = width - MARGIN - 1, height - 3 - legend
    level = row_of(low, high, 4 * down)
    grid = [[(" ", "")] * across for _ in range(down)]

    def put(row: Row, value: float, mark: str, style: str) -> None:
        column = _column(place(row.axes[parameter]), across)
        grid[down - 1 - level(100 * value) // 4][column] = mark, style

    best = max(known, key=lambda row: row.mean or 0.0)
    for row in known:
        for value in row.values:
            if value is not None:
                put(row, value, ONE, palette.muted)
    for row in sorted(known, key=lambda row: (row is best, row is chosen)):
        mark, style = (BEST, f"bold {palette.good}") if row is best else (MEAN, palette.of_series(0))
        put(row, row.mean or 0.0, mark, f"{style} reverse" if row is chosen else style)
    out = [title, *framed(grid, low, high, _labelled(ticks, across), palette)]
    if legend:
        number = max(len(row.cells) for row in rows)
        over = f"mean over up to {number} seeds" if number > 1 else "one run"
        words = ink(f"{MEAN} ", palette.of_series(0)).append(f"{over}   ", palette.muted)
        if number > 1:
            words.append(f"{ONE} one run   ", palette.muted)
        words.append(f"{BEST} ", f"bold {palette.good}").append(f"best {percent(best.mean)}", palette.muted)
        out.append(fit(words, width))
    return out


def _x_axis(values: Sequence[object], declared: str) -> tuple[Callable[[object], float], list[tuple[float, str]], bool]:
    """How values are placed in [0, 1]; all different values with their places; whether the axis is logarithmic."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        names = list(dict.fromkeys(show(value) for value in values))
        at: Mapping[str, float] = {name: (i + 0.5) / len(names) for i, name in enumerate(names)}
        return (lambda value: at[show(value)]), [(share, name) for name, share in at.items()], False
    is_log = is_logarithmic([float(number) for number in numbers], declared)
    scale: Callable[[float], float] = log if is_log else float
    low, high = scale(min(numbers)), scale(max(numbers))

    def place(value: object) -> float:
        return (scale(float(str(value))) - low) / (high - low) if high > low else 0.5

    return place, [(place(number), show(number)) for number in sorted(set(numbers))], is_log


def _column(share: float, across: int) -> int:
    """Cell of a place on the axis, a little inside its ends."""
    inset = min(2, across // 4)
    return inset + round(share * (across - 1 - 2 * inset))


def _labelled(places: Sequence[tuple[float, str]], across: int) -> list[tuple[int, int, str]]:
    """A tick for every value, and the labels of as many as fit, those at the ends first."""
    ticks: list[tuple[int, int, str]] = []
    for share, label in [*places[:1], *places[-1:], *places[1:-1]]:
        at, text = _column(share, across), safe(label)
        begin = label_start(Tick(share, at, text), across)
        end = begin + cell_len(text)
        fits = end <= across and all(
            end + GAP <= a or begin >= a + cell_len(other) + GAP for _, a, other in ticks if other
        )
        ticks.append((at, begin, text if fits else ""))
    return ticks
