"""What happened to the network: masks by layer, accuracy against sparsity, curves over steps."""

from core.events import MasksKept
from core.feed.snapshot import Snapshot
from core.results.sparsity import Curves, curves_of, points_of
from core.words import percent, spread
from core.words import sparsity as pruned
from prusc_tui.chart.lines import ACCURACY, Lines, by_quantity
from prusc_tui.html.accuracy import supervision
from prusc_tui.html.figures import Bar, Bars, Chart, Draw, named
from prusc_tui.html.markup import Markup, tag
from prusc_tui.html.tables import table
from prusc_tui.report.sparsity import MEASURES, TITLES, curves, sentences
from prusc_tui.tables.grid import Cell, Grid, Line


def masks(snapshot: Snapshot, draw: Draw, prefix: str = "") -> list[Markup | None]:
    """The share of weights kept in every layer, for each stage with masks."""
    figures: list[Markup | None] = []
    kept = [e.stage for events in snapshot.outcomes.values() for e in events if isinstance(e, MasksKept)]
    for stage, state in snapshot.sparsity.items():
        bars = tuple(Bar(layer, 100 * keep) for layer, keep in state.layers.items())
        about = f"{percent(state.keep_ratio)} % of the maskable weights are kept, {pruned(state.keep_ratio)} % pruned"
        about += f"; {', '.join(kept)} {'keeps' if len(kept) == 1 else 'keep'} the same masks." if kept else "."
        title = f"Weights kept by layer after {stage}, per cent"
        figures.append(draw(Bars(named(prefix, "masks", stage), title, about, bars)))
    return figures


def sparsity(snapshot: Snapshot, draw: Draw, prefix: str = "") -> list[Markup | None]:
    """Accuracy against the share of weights kept, for runs that measured it."""
    found = curves_of([(snapshot.record, points_of(snapshot.outcomes))])
    return [] if found is None else sparsity_of(found, draw, prefix)


def sparsity_of(found: Curves, draw: Draw, prefix: str = "") -> list[Markup | None]:
    """The same for runs that differ by seed: two charts, their numbers, and what they are."""
    about, parts, tables = " ".join(sentences(found)), [], []
    for name, measure in MEASURES.items():
        title = f"worst {found.unit}" if name == "worst" else name
        title = f"{title.capitalize()} against weights kept, {found.split}, per cent"
        figure = Chart(named(prefix, "sparsity", name), title, "", curves(found, measure), "kept", "%")
        parts.append(draw(figure))
        ways = [(way, [found.at(way, share) for share in found.shares]) for way in found.ways]
        lines = (
            Line(TITLES.get(way, way), tuple(Cell(spread(measure(at)) if at else "–", is_number=True) for at in row))
            for way, row in ways
        )
        heads = tuple(f"{100 * share:g} %" for share in found.shares)
        tables.append(table(Grid(title, heads, (tuple(lines),))))
    shown = tag("details", tag("summary", "In figures"), *tables)
    return [tag("div", *parts, class_="pair"), tag("p", about, class_="note"), shown]


def curve_parts(snapshot: Snapshot, draw: Draw, prefix: str = "") -> list[Markup | None]:
    """Losses and other numbers over the steps of each stage, and accuracy on validation."""
    lines = {key: line for key, line in Lines().update(snapshot).items() if len(line.values) > 1}
    groups = {group.title for looks in snapshot.evaluations.values() for group in looks[-1].evaluation.groups}
    parts = []
    for stage in snapshot.stages:
        own = [key for key in lines if key[0] == stage.name and not any(key[1].endswith(f" {one}") for one in groups)]
        for plot in by_quantity(lines, own, "step"):
            quantity = str(plot.key[0]) if isinstance(plot.key, tuple) else plot.title
            name = named(prefix, stage.name, quantity)
            about = f"{_n_of(snapshot, stage.name)} {supervision(snapshot)}" if quantity == ACCURACY else ""
            figure = Chart(name, plot.title, about, plot.curves, "step", plot.unit, quantity == "penalty")
            parts.append(draw(figure))
    return [tag("div", *parts, class_="pair")] if parts else []


def _n_of(snapshot: Snapshot, stage: str) -> str:
    looks = snapshot.evaluations.get((stage, "validation"))
    return f"Validation split, n = {looks[-1].evaluation.n:,}." if looks else ""
