"""Accuracy against the share of weights kept: a chart, two tables, and what the numbers rest on."""

from collections.abc import Callable, Sequence
from math import log10

from rich.cells import cell_len
from rich.text import Text

from core.results.sparsity import Curves, Pooled
from core.spread import Spread
from core.words import spread
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import Settings
from prusc_tui.chart.rows import Still
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, wrap
from prusc_tui.words import attributes_sentence

TITLES = {
    "masks": "learned masks",
    "magnitude": "magnitude",
    "magnitude-tuned": "tuned magnitude",
    "random": "random",
}
"""Way of pruning → title; others are shown by their names."""
BESIDE, GAP = 112, 3
"""Width from which two charts are side by side, and cells between them."""
LEAST, MOST = 10, 20
"""Lines of a chart."""
SHARE = 8
"""Cells of the column of shares."""

Measure = Callable[[Pooled], Spread]
MEASURES: dict[str, Measure] = {"worst": lambda point: point.worst, "average": lambda point: point.average}


def sparsity(found: Curves, width: int, palette: Palette, height: int = 0) -> list[Text]:
    """Draw charts, tables and sentences in lines of `width` cells.

    Args:
        found: the curves.
        width: cells of every line.
        palette: colours.
        height: lines that charts may fill together with the rest; 0 for a medium size.
    """
    worst = f"worst {found.unit}"
    rest = [
        *_table(found, f"{worst.capitalize()}, %", MEASURES["worst"], width, palette),
        fit("", width),
        *_table(found, "Average, %", MEASURES["average"], width, palette),
        fit("", width),
        *(line for text in sentences(found) for line in wrap(ink(text, palette.muted), width)),
    ]
    tall = max(LEAST, min(MOST, height - len(rest) - 2)) if height else (LEAST + MOST) // 2
    title = heading(f"{worst.capitalize()} against weights kept", f"{found.split}, %", width, palette)
    left = Still(worst, curves(found, MEASURES["worst"]), Settings(mode="kept", unit="%"))
    right = Still("average", curves(found, MEASURES["average"]), Settings(mode="kept", unit="%"))
    if width < BESIDE:
        return [title, *left.drawn(width, tall, palette), fit("", width), *rest]
    across = (width - GAP) // 2
    pairs = zip(left.drawn(across, tall, palette), right.drawn(across, tall, palette), strict=True)
    both = [fit(one.append(" " * GAP).append_text(other), width) for one, other in pairs]
    return [title, *both, fit("", width), *rest]


def sentences(found: Curves) -> list[str]:
    """What the numbers are: split, number of samples, seeds, supervision, and how the networks were made."""
    seeds = ", ".join(str(run.seed) for run in found.runs)
    several = f"mean ± standard deviation over seeds {seeds}" if len(found.runs) > 1 else f"seed {seeds}"
    plural = {"group": "groups", "class": "classes"}[found.unit]
    used = dict.fromkeys(attributes_sentence(run.attributes_used, run.selection) for run in found.runs)
    unfinished = [safe(run.name) for run in found.runs if run.status != "finished"]
    return [
        f"{found.split.capitalize()} split, n = {found.samples:,}, worst of {found.groups} {plural}; {several}; "
        f"{'; '.join(used)}.",
        "Every network was pruned from the same one and fine-tuned in the same way on the same balanced set."
        + " Tuned magnitude: pruned by magnitude after a first fine-tuning." * ("magnitude-tuned" in found.ways),
        *([f"Not finished: {', '.join(unfinished)}."] if unfinished else []),
    ]


def curves(found: Curves, measure: Measure) -> tuple[Curve, ...]:
    """A curve for each way of pruning; x as in the mode `kept` of a chart, y in per cent."""
    curves = []
    for number, way in enumerate(found.ways):
        points = [(share, point) for share in found.shares if (point := found.at(way, share)) is not None]
        x = [-log10(share) for share, _ in points]
        y = [100 * measure(point).mean for _, point in points]
        curves.append(Curve(TITLES.get(way, safe(way)), x, y, number, way, smooth=False))
    return tuple(curves)


def _table(found: Curves, title: str, measure: Measure, width: int, palette: Palette) -> list[Text]:
    """Shares down, ways across; the best of each share is bold."""
    titles = [TITLES.get(way, safe(way)) for way in found.ways]
    room = max(1, (width - SHARE) // max(1, len(titles)))
    column = min(room, max([14, *(cell_len(name) + 2 for name in titles)]))
    head = fit("kept", SHARE, palette.muted)
    for name in titles:
        head.append_text(fit(name, column - 1, palette.muted, right=True)).append(" ")
    lines = [heading(title, f"{found.split}", width, palette), fit(head, width)]
    for share in found.shares:
        values = [measure(point) if (point := found.at(way, share)) else None for way in found.ways]
        line = fit(f"{100 * share:g} %", SHARE, palette.text)
        for value, stands_out in zip(values, _best(values), strict=True):
            style = f"bold {palette.text}" if stands_out and share < 1 else palette.text
            text = "–" if value is None else spread(value)
            line.append_text(fit(text, column - 1, style, right=True)).append(" ")
        lines.append(fit(line, width))
    return lines


def _best(values: Sequence[Spread | None]) -> list[bool]:
    top = max((value.mean for value in values if value is not None), default=None)
    return [value is not None and value.mean == top for value in values]
