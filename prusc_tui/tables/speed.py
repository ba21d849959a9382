"""Figures of `make bench` as grids: those of one file, and the changes between two."""

from collections.abc import Iterable, Sequence

from experiments.speed import Change, Figure, Measured, missed
from prusc_tui.tables.grid import Cell, Grid, Line

NONE = Cell("–")


def figures(measured: Measured) -> Grid:
    """Every figure with its baseline, ratio, spread and target."""
    found = measured.figures
    late = missed(found)
    notes = [f"{of}: {', '.join(facts.values())}" for of, facts in (("machine", measured.machine),) if facts]
    aims = sum(figure.target is not None for figure in found)
    notes.append(f"{aims - len(late)} of {aims} targets met" + "".join(f"; missed: {f.name}" for f in late))
    return Grid(
        "figure",
        ("ours", "baseline", "ratio", "spread", "target", "met"),
        (tuple(_line(figure) for figure in found),),
        "Ours against a baseline of the same run; lower is better. The spread is half of the interquartile range, "
        "of the ratio if there is one.",
        tuple(notes),
    )


def compared(before: Measured, after: Measured, found: Iterable[Change]) -> Grid:
    """The changes from one file to another, figure by figure."""
    notes = []
    if before.machine.get("device") != after.machine.get("device"):
        notes.append("Measured on different machines: only ratios can be compared.")
    return Grid(
        "figure",
        ("before", "after", "change", "spread before", "spread after", "beyond the spread"),
        (tuple(_change(change) for change in found),),
        "Ratios, or the figure itself where there is no baseline; lower is better. A change is beyond the spread "
        "if it is larger than both spreads together.",
        tuple(notes),
    )


def number(value: float) -> str:
    """A number with three significant digits, without an exponent."""
    if value and abs(value) < 0.001:
        return f"{value:.5f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(figure: Figure) -> Line:
    unit = f" {figure.unit}" if figure.unit else ""
    bound = "" if figure.target is None else f"{number(figure.target)}{unit if figure.target_of == 'ours' else ' ×'}"
    return Line(
        figure.name,
        (
            Cell(f"{number(figure.ours)}{unit}"),
            NONE if figure.baseline is None else Cell(f"{number(figure.baseline)}{unit}", f"({figure.against})"),
            _number(figure.ratio),
            NONE if figure.spread is None else Cell(f"± {number(figure.spread)}"),
            Cell(f"≤ {bound}") if bound else NONE,
            {True: Cell("yes"), False: Cell("NO", stands_out=True), None: NONE}[figure.met],
        ),
    )


def _change(change: Change) -> Line:
    share, beyond = change.share, change.beyond
    if beyond is None or share is None:
        said = NONE
    else:
        said = Cell(("worse" if share > 0 else "better") if beyond else "no", stands_out=beyond and share > 0)
    return Line(
        change.name,
        (
            _shown(change.before),
            _shown(change.after),
            NONE if share is None else Cell(f"{100 * share:+.1f} %".replace("-", "−")),
            *(_spread(figure) for figure in (change.before, change.after)),
            said,
        ),
    )


def _shown(figure: Figure | None) -> Cell:
    if figure is None:
        return NONE
    unit = f" {figure.unit}" if figure.ratio is None and figure.unit else " ×" if figure.ratio is not None else ""
    return Cell(f"{number(figure.value)}{unit}")


def _spread(figure: Figure | None) -> Cell:
    return NONE if figure is None or figure.spread is None else Cell(f"± {number(figure.spread)}")


def _number(value: float | None) -> Cell:
    return NONE if value is None else Cell(number(value), is_number=True)


def rows(found: Sequence[Change]) -> list[dict[str, object]]:
    """The changes as JSON objects."""
    return [
        {
            "name": change.name,
            "before": None if change.before is None else change.before.value,
            "after": None if change.after is None else change.after.value,
            "change": change.share,
            "beyond_spread": change.beyond,
        }
        for change in found
    ]
