"""The sparsity in large figures, warnings, and a row with a bar for each layer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual.renderables.digits import DIGITS, DIGITS3X3_BOLD

from core.events import Sparsity
from core.results.overlap import LayerOverlap, Overlap
from core.words import percent
from prusc_tui.palette import MARKS, Palette
from prusc_tui.report.spark import SPARKS, column_means
from prusc_tui.widgets.bars import EIGHTHS, fit, heading, ink, safe, shorten, wrap

DEAD = 0.001  # keep ratio below which a layer counts as dead
MOST_PRUNED = "▾"
RATIO = 10  # cells of the column with the keep ratio
COURSE, LONGEST_COURSE = 6, 12  # cells of the history of a layer, at least (for its heading) and at most
_FACTS = 22  # width from which there is text beside the figures


class LayerState(NamedTuple):
    """A layer: keep ratios at every look, its size and overlap if known, and whether it is among the most pruned."""

    name: str
    history: tuple[float, ...]
    weights: int | None = None
    shared: LayerOverlap | None = None
    leads: bool = False

    @property
    def keep(self) -> float:
        return self.history[-1]

    @property
    def dead(self) -> bool:
        """Whether hardly any weights are kept."""
        return self.keep < DEAD

    @property
    def size(self) -> str:
        return "–" if self.weights is None else f"{self.weights:,}"

    def style(self, palette: Palette) -> str:
        return palette.bad if self.dead else palette.of_series(0)


@dataclass(frozen=True, slots=True)
class Pruned:
    """The masks of a stage at every look (at least one), the sizes of layers if known, and the overlap with a run."""

    states: tuple[Sparsity, ...]
    weights: Mapping[str, int] = field(default_factory=dict)
    other: str = ""
    overlap: Overlap | None = None

    @property
    def now(self) -> Sparsity:
        """The last state."""
        return self.states[-1]

    def layers(self, by_ratio: bool) -> list[LayerState]:
        """The layers in network order, or most pruned first."""
        names = list(self.now.layers)
        lowest = sorted(names, key=lambda name: self.now.layers[name])
        alive = [name for name in lowest if DEAD <= self.now.layers[name] < 1]
        leads = set(alive[: max(1, min(3, len(names) // 4))])
        shared = self.overlap.layers if self.overlap is not None else {}
        return [
            LayerState(
                name,
                tuple(state.layers[name] for state in self.states if name in state.layers),
                self.weights.get(name),
                shared.get(name),
                name in leads,
            )
            for name in (lowest if by_ratio else names)
        ]


def figures(text: str) -> list[str]:
    """A number in figures three rows high."""
    rows = ["", "", ""]
    for character in text:
        at = 3 * DIGITS.find(character)
        glyph = [row.ljust(3) for row in DIGITS3X3_BOLD[at : at + 3]] if at >= 0 else [" ", " ", character]
        rows = [row + part for row, part in zip(rows, glyph, strict=True)]
    return rows


def top(
    pruned: Pruned | None, done: bool, nothing: str, note: str, wrong: bool, width: int, palette: Palette
) -> list[Text]:
    """Figures, warnings, and a note (or error, if `wrong`) on the comparison; `nothing` says why there are no masks."""
    if pruned is None:
        return wrap(ink(nothing, palette.muted), width)
    lines = summary(pruned, done, width, palette) + dead_layers(pruned, width, palette)
    if wrong:
        lines += wrap(ink(f"{MARKS['failed']} ", palette.bad).append(safe(note), palette.text), width, 2)
    elif note:
        lines += wrap(ink(safe(note), palette.muted), width)
    return lines


def summary(pruned: Pruned, done: bool, width: int, palette: Palette) -> list[Text]:
    """Three rows: the sparsity in large figures, with an explanation beside it."""
    now = pruned.now
    large = figures(f"{100 * (1 - now.keep_ratio):.1f}")
    room = width - len(large[0]) - 5
    total = sum(pruned.weights.get(name, 0) for name in now.layers)
    known = total > 0 and all(name in pruned.weights for name in now.layers)
    kept = f"{percent(now.keep_ratio)} % of the weights kept"
    if known:
        kept += f": {round(now.keep_ratio * total):,} of {total:,}"
    at = f"{safe(now.stage)}, step {now.step:,}" + ("" if done else ", still learning")
    facts = [f"sparsity in {len(now.layers):,} layers", kept, at]
    if room < _FACTS:
        facts = ["sparsity", f"step {now.step:,}", ""]
    if (found := pruned.overlap) is not None:
        iou = f"IoU {found.iou:.2f} (by chance {found.by_chance:.2f})"
        facts[0] = f"sparsity · overlap with {safe(pruned.other)}: {iou}"
    styles = (palette.text, palette.muted, palette.muted)
    units = ("  ", "  ", " %")
    return [
        fit(ink(row + unit, f"bold {palette.accent}").append("   ").append_text(fit(fact, max(0, room), style)), width)
        for row, unit, fact, style in zip(large, units, facts, styles, strict=True)
    ]


def dead_layers(pruned: Pruned, width: int, palette: Palette) -> list[Text]:
    """A warning about dead layers, which cut the network in two; at most two lines."""
    empty = [name for name, keep in pruned.now.layers.items() if keep == 0]
    nearly = [name for name, keep in pruned.now.layers.items() if 0 < keep < DEAD]
    parts = {"no weight is left in ": empty, "less than 0.1 % is left in ": nearly}
    text = "; ".join(words + _listed(names) for words, names in parts.items() if names)
    if not text:
        return []
    line = ink(f"{MARKS['failed']} {text[0].upper()}{text[1:]}. ", f"bold {palette.bad}")
    return wrap(line.append("Lower prune.sparsity_weight or prune.lr.", palette.text), width, 2)[:2]


class Column(NamedTuple):
    """A column after bar and ratio: its heading, its width, and the cell of a layer."""

    title: str
    width: int
    cell: Callable[[LayerState], Text]


def heads(pruned: Pruned | None, by_ratio: bool, width: int, palette: Palette) -> list[Text]:
    """Order of the layers and meaning of the marks, then the headings of the columns; these do not scroll."""
    if pruned is None:
        return []
    note = "most pruned first" if by_ratio else "in network order"
    dead = sum(keep < DEAD for keep in pruned.now.layers.values())
    marks = f"{MOST_PRUNED} pruned most" + (f"  {MARKS['failed']} dead: {dead}" if dead else "")
    title = heading("Layers", f"{note}  {marks}", width, palette)
    return [title, head(pruned.layers(by_ratio), pruned.other, width, palette)]


def head(layers: Sequence[LayerState], other: str, width: int, palette: Palette) -> Text:
    """The headings of the columns."""
    name, bar, columns = _layout(layers, width, palette, other)
    line = ink("  ").append_text(fit("layer", name)).append("  ").append_text(fit("kept", bar))
    line.append_text(fit("%", RATIO, right=True))
    for title, size, _ in columns:
        line.append_text(fit(title, size, right=True))
    line.stylize(palette.muted)
    return fit(line, width)


def rows(layers: Sequence[LayerState], width: int, palette: Palette) -> list[Text]:
    """A row for each layer: mark, name, bar, ratio, history, decrease since the first look, size, overlap."""
    name_size, bar, columns = _layout(layers, width, palette)
    lines = []
    for layer in layers:
        mark = MARKS["failed"] if layer.dead else MOST_PRUNED if layer.leads else " "
        style = layer.style(palette)
        name = shorten(safe(layer.name), name_size)
        line = ink(f"{mark} ", style)
        line.append_text(fit(name, name_size, f"bold {palette.text}" if layer.dead or layer.leads else palette.text))
        line.append("  ").append_text(_bar(layer.keep, bar, style, palette))
        ratio = "<0.1" if 0 < layer.keep < DEAD else percent(layer.keep)
        figure = f"bold {palette.bad}" if layer.dead else palette.text
        line.append_text(fit(f"dead {ratio}" if layer.dead else ratio, RATIO, figure, right=True))
        for column in columns:
            line.append_text(fit(column.cell(layer), column.width, right=True))
        lines.append(fit(line, width))
    return lines


def _layout(
    layers: Sequence[LayerState], width: int, palette: Palette, other: str = ""
) -> tuple[int, int, list[Column]]:
    """Cells of name and bar, and the columns that fit: requested ones first, then the most informative."""
    looks = max((len(layer.history) for layer in layers), default=0)
    course = min(max(looks, COURSE), LONGEST_COURSE)
    columns: list[Column] = []
    requested: list[Column] = []
    if looks > 1:
        columns += [
            Column(
                f"{'course':<{course}}",
                2 + course,
                lambda layer: ink(f"{_course(layer.history, course):<{course}}", layer.style(palette)),
            ),
            Column("fell by", 8, lambda layer: ink(_fall(layer.history), palette.muted)),
        ]
    if any(layer.weights is not None for layer in layers):
        columns.append(Column("weights", 12, lambda layer: ink(layer.size, palette.muted)))
    if any(layer.shared for layer in layers):
        requested = [
            Column(
                shorten(safe(other), 7),
                8,
                lambda layer: ink(percent(layer.shared.keep_ratios[1]) if layer.shared else "–", palette.text),
            ),
            Column("IoU (chance)", 14, lambda layer: _iou(layer.shared, palette)),
        ]
    name = min(max((cell_len(safe(layer.name)) for layer in layers), default=4), max(8, width // 4))
    # Mark and space, name, gap, bar, gap and ratio.
    left = width - 2 - name - 2 - 12 - RATIO
    fitting = []
    for column in [*reversed(requested), *columns]:
        if left >= column.width:
            fitting.append(column)
            left -= column.width
    return name, 12 + min(48, max(0, left)), [column for column in columns + requested if column in fitting]


def _iou(shared: LayerOverlap | None, palette: Palette) -> Text:
    if shared is None:
        return ink("–", palette.muted)
    chance = shared.kept[0] * shared.kept[1] / shared.weights
    union = sum(shared.kept) - chance
    text = ink(f"{shared.iou:.2f} ", f"bold {palette.text}")
    return text.append(f"({chance / union if union else 1.0:.2f})", palette.muted)


def _bar(share: float, width: int, style: str, palette: Palette) -> Text:
    """A solid bar on a dotted track, exact to an eighth of a cell; any value above 0 is visible."""
    eighths = max(round(8 * width * min(1.0, max(0.0, share))), 1 if share > 0 else 0)
    whole, part = divmod(eighths, 8)
    line = ink("█" * whole, f"{style} on {style}").append(EIGHTHS[part], style)
    return line.append("┈" * (width - line.cell_len), palette.track)


def _fall(history: Sequence[float]) -> str:
    """Decrease of the keep ratio since the first look, in percentage points; a plus if it rose."""
    if len(history) < 2:
        return ""
    points = 100 * (history[0] - history[-1])
    return "=" if abs(points) < 0.05 else f"{points:.1f}" if points > 0 else f"+{-points:.1f}"


def _course(history: Sequence[float], width: int) -> str:
    """The keep ratio over all looks as blocks, on an axis from 0 to 1."""
    return "".join(SPARKS[1 + round(7 * min(1.0, max(0.0, keep)))] for keep in column_means(history, width))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(safe(name) for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
