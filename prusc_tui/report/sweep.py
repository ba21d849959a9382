"""A sweep in lines: how far it is, and its points, best first by what validation says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from core.runs.text import safe_text
from core.words import percent
from experiments.space import label
from prusc_tui.palette import MARKS, SHELL, Palette

if TYPE_CHECKING:
    from experiments.sweeps.cells import Cell
    from experiments.sweeps.registry import Sweep
    from experiments.sweeps.scores import Score

MISSING = "·"
BAR = 40  # largest width of the bar
LOOKS = {"waiting": "queued", "held": "stopped", "hopeless": "stopped"}
"""State of a cell → the state of a run that looks like it, as in the list of the queue."""


def mark(cell: "Cell") -> str:
    """Mark of the state of a cell."""
    return MARKS.get(LOOKS.get(cell.state, cell.state), MISSING)


def style(state: str, palette: Palette = SHELL) -> str:
    """Style of the state of a cell."""
    if state in ("missing", "waiting", "hopeless"):
        return palette.muted
    return palette.of_state(LOOKS.get(state, state))


def change(cell: "Cell") -> str:
    """One line that says the state of a cell."""
    reason = f": {cell.run['reason']}" if cell.run and cell.run.get("reason") else ""
    return safe_text(f"{mark(cell)} {cell.task.title} is {cell.state}{reason}")


def lines(
    sweep: "Sweep", cells: "Sequence[Cell]", scores: "Sequence[Score]", width: int, height: int = 10**6
) -> list[Text]:
    """The sweep as lines of at most `width` columns: at most `height`, the best points first."""
    out = [_head(sweep, cells, width)]
    best = {score.task.key: score for score in scores}
    rows: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.task.key, []).append(cell)
    order = [*best, *(key for key in rows if key not in best)]
    names = {key: name_of(sweep, members[0]) for key, members in rows.items()}
    longest = max((len(name) for name in names.values()), default=0)
    if scores:
        out.append(Text(f"{'point':<{longest}}  {'seeds':<{_widest(rows.values())}}  {sweep.study.objective}", "dim"))
    room = max(0, height - len(out) - 1)
    for key in order[:room]:
        members = rows[key]
        line = Text(f"{safe_text(names[key]):<{longest}}  ", "bold" if best and key == order[0] else "")
        for cell in members:
            line.append(mark(cell), style(cell.state))
        line.append(" " * (_widest(rows.values()) - len(members) + 2))
        if (score := best.get(key)) is not None:
            line.append(percent(score.value), "bold" if key == order[0] else "")
            line.append(f" % (n = {score.n})", "dim")
        line.truncate(width, overflow="ellipsis")
        out.append(line)
    if len(order) > room:
        out.append(Text(f"… and {len(order) - room} more points", "dim"))
    elif scores:
        out.append(Text(meaning(sweep.study.objective), "dim"))
    for failed in [cell for cell in cells if cell.state == "failed"][: max(0, min(5, height - len(out)))]:
        line = Text(change(failed), SHELL.bad)
        line.truncate(width, overflow="ellipsis")
        out.append(line)
    return out


def _head(sweep: "Sweep", cells: "Sequence[Cell]", width: int) -> Text:
    from experiments.sweeps.cells import counts

    head = Text.assemble((safe_text(sweep.name), "bold"), "  ")
    head.append_text(progress(counts(cells), min(BAR, max(8, width - 70))))
    head.truncate(width, overflow="ellipsis")
    return head


def progress(states: Mapping[str, int], size: int, palette: Palette = SHELL) -> Text:
    """How far a sweep is: a bar of `size` columns, and the number of its runs in each state."""
    done, total = states.get("finished", 0), sum(states.values())
    full = round(size * done / max(1, total))
    line = Text(end="").append("━" * full, palette.good).append("━" * (size - full), palette.track)
    line.append(f"  {done:,} of {total:,}", palette.text)
    for state, count in states.items():
        if state != "finished":
            line.append(f", {count:,} {state}", style(state, palette))
    return line


def meaning(rule: str) -> str:
    """What the number of a point is, and what of the validation split it uses."""
    from core.rules import RULES

    return f"{rule}: mean over n seeds on validation; uses {RULES[rule].uses}"


def name_of(sweep: "Sweep", cell: "Cell") -> str:
    """The point of a cell in words, with recipe and data if the sweep has several."""
    words = [label(cell.task.point)]
    if len(sweep.study.presets) > 1:
        words.insert(0, sweep.study.short(cell.task.preset))
    if len(sweep.study.recipes) > 1 or not words[-1]:
        words.insert(0, cell.task.recipe)
    return " ".join(filter(None, words))


def _widest(rows: Iterable[Sequence[object]]) -> int:
    return max(5, *map(len, rows))
