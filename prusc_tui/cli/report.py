"""A finished run as a table: stages across, groups down."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prusc_tui.words import attributes_sentence, duration, percent, sparsity, spread, weight

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from core.events import EnvironmentsMade, Restarts
    from core.groups import Evaluation
    from core.runs.record import RunRecord

MOST_GROUPS = 8
"""Groups up to which the make-up of a split is told one by one."""
SPLIT_ORDER = ("test", "validation")


def print_report(
    console: "Console",
    record: "RunRecord",
    warnings: tuple[str, ...] = (),
    environments: "EnvironmentsMade | None" = None,
) -> None:
    """Print groups before and after, restarts and environments where there are any, what was known, times, alarms."""
    from rich.markup import escape
    from rich.text import Text

    from core.runs.record import worked
    from core.runs.text import safe_text

    head = Text()
    head.append(safe_text(record.name), "bold")
    head.append(
        f"  {record.id}  {record.recipe} on {record.data}, seed {record.seed}, {record.device or 'no device'}, "
    )
    head.append(f"{record.status} after {duration(worked(record.summary(), time.time()))}")
    console.print(head)
    for split in SPLIT_ORDER:
        if record.final_evaluation(split) is not None:
            console.print()
            console.print(groups_table(record, split))
            break
    else:
        console.print("no stage has been evaluated yet")
    console.print()
    for table in restarts_tables(record):
        console.print(table)
    if (hint := _clusters_hint(record)) is not None:
        console.print(hint, highlight=False, markup=False)
    for line in environments_lines(environments):
        console.print(line, highlight=False, markup=False)
    console.print(attributes_sentence(record.attributes_used, record.selection) + _repeats(record), highlight=False)
    if (looks := validation_line(record)) is not None:
        console.print(looks, highlight=False, markup=False)
    if (picks := _picks(record)) is not None:
        console.print(picks)
    console.print(_times(record), highlight=False)
    if record.reason:
        console.print(f"[bold red]{record.status}[/]: {escape(safe_text(record.reason))}", highlight=False)
    for warning in warnings:
        console.print(f"[yellow]![/] {escape(safe_text(warning))}", highlight=False)


def groups_table(record: "RunRecord", split: str) -> "Table":
    """Accuracy of every evaluated stage on `split`: worst group, averages, each group with n and 95 % interval."""
    from core.groups import Evaluation

    stages = [stage for stage in record.stages if split in stage.evaluations]
    columns = [(stage.name, Evaluation.from_json(split, stage.evaluations[split])) for stage in stages]
    table = evaluations_table(columns)
    if any(stage.keep_ratio is not None for stage in stages):
        table.add_section()
        table.add_row("sparsity", "", *(sparsity(stage.keep_ratio) for stage in stages))
    return table


def evaluations_table(columns: "Sequence[tuple[str, Evaluation]]") -> "Table":
    """Evaluations of one split side by side, each under its title.

    Where there are no attributes, groups are classes and are called so; the average that is reweighted to the groups'
    shares of the training split bears the name that papers on Waterbirds give it.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from core.runs.text import safe_text

    evaluations = [evaluation for _, evaluation in columns]
    first = evaluations[0]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"{first.split}, n = {first.n:,}", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for title, _ in columns:
        table.add_column(Text(safe_text(title)), justify="right", no_wrap=True)
    table.add_row(f"worst {first.unit}", "", *(f"[bold]{percent(e.worst_group.accuracy)}[/]" for e in evaluations))
    table.add_row("average", "", *(percent(e.average) for e in evaluations))
    adjusted = (percent(e.adjusted_average) for e in evaluations)
    table.add_row("adjusted average", "", *adjusted, end_section=True)
    for i, group in enumerate(first.groups):
        table.add_row(Text(safe_text(group.title)), f"{group.n:,}", *(_group_cell(e, i) for e in evaluations))
    units = "classes" if first.unit == "class" else "groups"
    table.caption = (
        f"per cent; intervals are 95 % (Wilson); adjusted: {units} weighted by their shares of the training split"
    )
    table.caption_justify = "left"
    return table


def restarts_tables(record: "RunRecord") -> "list[Table]":
    """For each stage that trained several networks side by side: what they reach, split by split."""
    from rich import box
    from rich.table import Table

    from prusc_tui.report.restarts import members_of

    tables = []
    for stage, said in _restarts(record).items():
        several = any(len(members_of(one)) > 1 for one in said)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column(f"restarts of {stage}", no_wrap=True)
        if several:
            table.add_column("penalty weight", justify="right", no_wrap=True)
        for name in (f"worst {_unit(record)}", "average", "restarts", "n"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in said:
            for i, members in enumerate(members_of(one)):
                beside = [weight(members.weight)] if several else []
                numbers = [f"[bold]{spread(members.worst)}[/]", spread(members.average), str(len(members.worst))]
                table.add_row("" if i else one.split, *beside, *numbers, f"{one.n:,}")
        table.caption = "per cent, mean ± sample standard deviation over restarts; the groups above are those of one"
        table.caption_justify = "left"
        tables.append(table)
    return tables


def environments_lines(made: "EnvironmentsMade | None") -> list[str]:
    """Where the environments come from and how large they are, what is in them, and the conflict samples."""
    from prusc_tui.report.environments import conflicts_sentence, makeup_of
    from prusc_tui.widgets.bars import safe

    if made is None:
        return []
    makeup = makeup_of(made)
    sizes = [sum(row) for row in made.table]
    named = ", ".join(f"{size:,} in {safe(name)}" for name, size in zip(made.names, sizes, strict=True))
    lines = [f"environments ({safe(made.source)}): {named}; {made.used:,} of {made.total:,} training images used"]
    if makeup.against:
        shares = [
            percent(sum(c for c, no in zip(row, makeup.against, strict=True) if no) / size if size else None)
            for row, size in zip(makeup.counts, sizes, strict=True)
        ]
        against = ", ".join(f"{share} % of {safe(name)}" for name, share in zip(made.names, shares, strict=True))
        lines.append(f"attribute against the label: {against}")
    return [*lines, text] if (text := conflicts_sentence(made)) else lines


def validation_line(record: "RunRecord") -> str | None:
    """What the validation split was made of, on which checkpoints are chosen: the share of every group or class."""
    from core.groups import Evaluation
    from core.runs.text import safe_text

    value = record.final_evaluation("validation")
    if value is None:
        return None
    evaluation = Evaluation.from_json("validation", value)
    groups = [group for group in evaluation.groups if group.n]
    sizes = [group.n for group in groups]
    text = f"validation: {evaluation.n:,} images"
    units = "classes" if evaluation.unit == "class" else "groups"
    if len(groups) > 1 and min(sizes) == max(sizes):
        return f"{text} in {len(groups)} {units} of {sizes[0]:,}"
    shares = [f"{safe_text(group.title)} {percent(group.n / evaluation.n)} %" for group in groups]
    if len(groups) > MOST_GROUPS:
        least, most = percent(min(sizes) / evaluation.n), percent(max(sizes) / evaluation.n)
        return f"{text} in {len(groups)} {units} of {least} to {most} %"
    return f"{text}: {', '.join(shares)}"


def _restarts(record: "RunRecord") -> "dict[str, list[Restarts]]":
    """Stage → what its restarts reach on each split, train first; stages with one network are left out."""
    from core.events import Restarts
    from prusc_tui.report.restarts import SPLITS

    out: dict[str, list[Restarts]] = {}
    for stage in record.stages:
        order = [split for split in SPLITS if split in stage.restarts]
        said = [Restarts(stage.name, 0, split, **stage.restarts[split], final=True) for split in order]
        if any(len(one.restarts) > 1 for one in said):
            out[stage.name] = said
    return out


def _repeats(record: "RunRecord") -> str:
    counts = {len(set(one.restarts)) for said in _restarts(record).values() for one in said}
    most = max(counts, default=1)
    return ", one seed" + (f", {most} restarts" if most > 1 else "")


def _unit(record: "RunRecord") -> str:
    """What a group of the run's data is called."""
    from core.groups import Evaluation

    value = record.final_evaluation("test") or record.final_evaluation("validation")
    return "group" if value is None else Evaluation.from_json("", value).unit


def _clusters_hint(record: "RunRecord") -> str | None:
    """How to see more than classes where the data has no attributes: clusters are the groups that the run found."""
    clustered = any(stage.name == "cluster" and stage.status == "done" for stage in record.stages)
    if _unit(record) == "group" or not clustered:
        return None
    return f"accuracy of every class in every cluster: prusc eval {record.id} --by-cluster"


def _group_cell(evaluation: "Evaluation", index: int) -> "RenderableType":
    from rich.text import Text

    group = evaluation.groups[index]
    if not group.n:
        return "–"
    low, high = group.interval
    worst = group is evaluation.worst_group
    text = Text(percent(group.accuracy), "bold red" if worst else "")
    return text.append(f" {percent(low)}–{percent(high)}", "dim")


def _times(record: "RunRecord") -> str:
    """How long each stage took, and which stages were taken from which run instead."""
    worked = [s for s in record.stages if not s.reused]
    times = [f"{s.name} {duration(s.seconds) if s.status == 'done' else s.status}" for s in worked]
    sources: dict[str, list[str]] = {}
    for stage in record.stages:
        if stage.reused:
            sources.setdefault(stage.reused, []).append(stage.name)
    reused = [f"{', '.join(names)} reused from {source}" for source, names in sources.items()]
    return "time: " + " · ".join([*times, *reused])


def _picks(record: "RunRecord") -> "Table | None":
    """What each rule would have picked on the validation split, for every stage that selected a checkpoint."""
    from rich import box
    from rich.table import Table

    chosen = {stage.name: stage.selection["picks"] for stage in record.stages if stage.selection}
    if not chosen:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("selection on validation", no_wrap=True)
    for name in chosen:
        table.add_column(name, justify="right", no_wrap=True)
    for rule in next(iter(chosen.values())):
        in_force = rule == record.selection
        cells = (_pick_cell(rule, picks[rule]) for picks in chosen.values())
        table.add_row(f"{rule} (in force)" if in_force else rule, *cells, style="" if in_force else "dim")
    return table


def _pick_cell(rule: str, pick: Mapping[str, Any]) -> str:
    return f"step {pick['step']:,}" + ("" if rule == "last" else f", {percent(pick['value'])}")
