"""Accuracy before and after: in large figures, by group, over restarts, and by rule of selection."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.events import Selected
from core.feed.snapshot import Snapshot
from core.groups import Evaluation, Group
from core.results.compare import families
from core.words import percent, spread
from prusc_tui.html.figures import Dot, Draw, Intervals, Row, named
from prusc_tui.html.markup import Markup, joined, tag
from prusc_tui.html.tables import table
from prusc_tui.report.report import validation_line
from prusc_tui.report.results import Result, results, worst_cell_of
from prusc_tui.tables.comparison import grid_of_stages
from prusc_tui.tables.grid import Cell, Grid, Line
from prusc_tui.words import attributes_sentence, unit_of

MOST_GROUPS = 24
"""Maximum number of groups in the figure; of more, the worst ones are drawn, and the table has all."""


def cards(snapshot: Snapshot) -> Markup:
    """Worst group and average before and after, and sparsity, in large figures."""
    found = results(snapshot)
    if not found:
        return tag("p", "No stage has been evaluated yet.")
    last, first = found[-1], found[-1].before
    worst, said = last.evaluation.worst_group, last.evaluation
    made = [
        _card(f"Worst {said.unit}", first.worst_group.accuracy if first else None, worst.accuracy, _interval(worst)),
        _card("Average", first.average if first else None, said.average, _interval(_all(said))),
    ]
    if last.keep_ratio is not None:
        made.append(_card("Weights pruned", None, 1 - last.keep_ratio, f"{percent(last.keep_ratio)} % kept"))
    since = f"Before: {found[0].stage}; after: {last.stage}." if first else f"After {last.stage}."
    return joined([tag("div", *made, class_="cards"), tag("p", f"{since} {_basis(snapshot, last)}", class_="note")])


def by_group(snapshot: Snapshot, draw: Draw, prefix: str = "") -> list[Markup | None]:
    """Worst group, average and every group, a dot for each evaluated stage; and the same in figures."""
    found = results(snapshot)
    if not found:
        return []
    evaluations = [result.evaluation for result in found]
    unit = evaluations[0].unit
    rows = [
        _row(found, f"worst {unit}", [one.worst_group for one in evaluations], named=True),
        _row(found, "average", [_all(one) for one in evaluations]),
    ]
    groups = range(len(evaluations[-1].groups))
    last = evaluations[-1].groups
    shown = sorted((i for i in groups if last[i].n), key=lambda i: last[i].accuracy)[:MOST_GROUPS]
    rows += [_row(found, last[i].title, [one.groups[i] for one in evaluations]) for i in sorted(shown)]
    left_out = f" The {len(groups) - MOST_GROUPS} best are in the table only." * (len(groups) > MOST_GROUPS)
    about = f"Per cent with 95 % intervals (Wilson). {_basis(snapshot, found[-1])}{left_out}"
    figure = Intervals(named(prefix, "groups"), f"By {unit}, stage by stage", about, tuple(rows))
    return [draw(figure), *_in_figures(snapshot)]


def _in_figures(snapshot: Snapshot) -> list[Markup | None]:
    """All figures of the last split, the worst cell, and the validation split."""
    record = snapshot.record
    split = next((name for name in ("test", "validation") if record.final_evaluation(name)), None)
    grid = grid_of_stages(families([record])[0], split) if split else None
    cell, sizes = worst_cell_of(snapshot), validation_line(record)
    told = None
    if cell is not None and (worst := cell[1].worst_cell) is not None:
        low, high = worst.interval
        told = (
            f"Worst cell after {cell[0]}: {percent(worst.accuracy)} % ({percent(low)}–{percent(high)}), {worst.title}, "
            f"n = {worst.n:,}; validation split, no group labels used."
        )
    return [
        tag("details", tag("summary", "In figures"), table(grid)) if grid else None,
        tag("p", told, class_="note") if told else None,
        tag("p", f"{sizes[0].upper()}{sizes[1:]}.", class_="note") if sizes else None,
    ]


def restarts(snapshot: Snapshot) -> list[Markup | None]:
    """Worst group and average over the networks that a stage trained side by side."""
    lines = []
    for (stage, split), looks in snapshot.restarts.items():
        for members in looks[-1].by_weight():
            if len(members.worst) > 1:
                title = f"{stage}, {split}" + (f", weight {members.weight:g}" if len(looks[-1].weights) > 1 else "")
                cells = (len(members.worst), spread(members.worst), spread(members.average), f"{looks[-1].n:,}")
                lines.append(Line(title, tuple(Cell(str(cell), is_number=True) for cell in cells)))
    if not lines:
        return []
    worst = f"worst {unit_of(snapshot)}"
    about = "Per cent, mean ± sample standard deviation over networks that differ in their initial weights. "
    grid = Grid("stage and split", ("networks", worst, "average", "n"), (tuple(lines),), about + supervision(snapshot))
    return [table(grid)]


def checkpoints(snapshot: Snapshot) -> list[Markup | None]:
    """The checkpoint that each selection rule would choose."""
    chosen = {
        s.name: Selected(s.name, snapshot.record.selection, 0, s.selection["picks"])
        for s in snapshot.record.stages
        if s.selection
    }
    rules = list(dict.fromkeys(rule for one in chosen.values() for rule in one.picks))
    if not rules:
        return []
    lines = []
    for rule in rules:
        picks = [one.picks.get(rule) for one in chosen.values()]
        cells = [Cell("–" if p is None else f"{p['step']:,}", _value(rule, p), is_number=True) for p in picks]
        uses = next((str(pick.get("uses", "")) for pick in picks if pick), "")
        force = any(one.rule == rule for one in chosen.values())
        lines.append(Line(("● " if force else "○ ") + rule, (*cells, Cell(uses))))
    n = snapshot.record.final_evaluation("validation")
    about = "Step that each rule would choose, with its accuracy on the validation split in per cent"
    about += f", n = {n['n']:,}" if n else ""
    return [table(Grid("rule", (*chosen, "uses"), (tuple(lines),), f"{about}; ● was used."))]


def supervision(snapshot: Snapshot) -> str:
    """Which attributes the accuracies of a run rest on, as a sentence."""
    sentence = attributes_sentence(snapshot.record.attributes_used, snapshot.record.selection)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _basis(snapshot: Snapshot, result: Result) -> str:
    """Split, n and supervision of an accuracy."""
    at = "" if result.final else f" at step {result.step:,}"
    one = f", 1 of {result.restarts} restarts" if result.restarts > 1 else ""
    said = result.evaluation
    return f"{said.split.capitalize()} split{at}, n = {said.n:,}{one}. {supervision(snapshot)}"


def _card(label: str, before: float | None, now: float, note: str) -> Markup:
    change = None
    if before is not None:
        points = round(100 * (now - before), 1)
        sign, kind = ("+", "up") if points >= 0 else ("−", "down")
        change = tag("span", f"{sign}{abs(points):.1f} points", class_=kind)
    from_ = tag("span", f"{percent(before)} → ", class_="from") if before is not None else None
    return tag(
        "div",
        tag("div", label, class_="label"),
        tag("div", from_, f"{percent(now)} %", class_="big"),
        tag("div", joined([part for part in (change, note) if part], " · "), class_="label"),
        class_="card",
    )


def _interval(group: Group) -> str:
    low, high = group.interval
    name = f"{group.title}, " if group.label else ""
    return f"{name}n = {group.n:,}, 95 % interval {percent(low)}–{percent(high)}"


def _all(evaluation: Evaluation) -> Group:
    """All samples as one group."""
    return Group("", {}, evaluation.n, sum(group.correct for group in evaluation.groups))


def _row(found: Sequence[Result], title: str, same: Sequence[Group], *, named: bool = False) -> Row:
    """One group over the stages; `named` if it is another group in each of them."""
    dots = []
    for number, (result, group) in enumerate(zip(found, same, strict=True)):
        low, high = group.interval
        role = "after" if number == len(found) - 1 else "before"
        if group is result.evaluation.worst_group:
            role = "worst" if role == "after" else "before"
        change = None if not number else 100 * (group.accuracy - same[0].accuracy)
        dots.append(Dot(result.stage, 100 * group.accuracy, 100 * low, 100 * high, role, change))
    names = list(dict.fromkeys(group.title for group in same)) if named else []
    sizes = list(dict.fromkeys(f"{group.n:,}" for group in same))
    return Row(title, ", then ".join(names) or f"n = {', '.join(sizes)}", tuple(dots))


def _value(rule: str, pick: Mapping[str, Any] | None) -> str:
    """Accuracy of a pick in brackets; the rule `last` uses none."""
    return "" if pick is None or rule == "last" else f"({percent(pick['value'])})"
