"""A finished run as a table: stages across, groups down."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prusc_tui.words import attributes_sentence, duration, percent, sparsity

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from core.groups import Evaluation
    from core.runs.record import RunRecord

SPLIT_ORDER = ("test", "validation")


def print_report(console: "Console", record: "RunRecord", warnings: tuple[str, ...] = ()) -> None:
    """Print groups before and after, what was used of the attributes, how long each stage took, and the alarms."""
    from rich.markup import escape
    from rich.text import Text

    from core.runs.text import safe_text

    head = Text()
    head.append(safe_text(record.name), "bold")
    head.append(
        f"  {record.id}  {record.recipe} on {record.data}, seed {record.seed}, {record.device or 'no device'}, "
    )
    head.append(f"{record.status} after {duration(record.seconds)}")
    console.print(head)
    for split in SPLIT_ORDER:
        if record.final_evaluation(split) is not None:
            console.print()
            console.print(groups_table(record, split))
            break
    else:
        console.print("no stage has been evaluated yet")
    console.print()
    console.print(attributes_sentence(record.attributes_used, record.selection) + ", one seed", highlight=False)
    if (picks := _picks(record)) is not None:
        console.print(picks)
    console.print(_times(record), highlight=False)
    if record.reason:
        console.print(f"[bold red]{record.status}[/]: {escape(safe_text(record.reason))}", highlight=False)
    for warning in warnings:
        console.print(f"[yellow]![/] {escape(safe_text(warning))}", highlight=False)


def groups_table(record: "RunRecord", split: str) -> "Table":
    """Accuracy of every evaluated stage on `split`: worst group, averages, each group with n and 95 % interval."""
    from rich import box
    from rich.table import Table

    from core.groups import Evaluation

    stages = [stage for stage in record.stages if split in stage.evaluations]
    evaluations = [Evaluation.from_json(split, stage.evaluations[split]) for stage in stages]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"{split}, n = {evaluations[0].n:,}", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for stage in stages:
        table.add_column(stage.name, justify="right", no_wrap=True)
    table.add_row("worst group", "", *(f"[bold]{percent(e.worst_group.accuracy)}[/]" for e in evaluations))
    table.add_row("average", "", *(percent(e.average) for e in evaluations))
    adjusted = (percent(e.adjusted_average) for e in evaluations)
    table.add_row("weighted average", "", *adjusted, end_section=True)
    for i, group in enumerate(evaluations[0].groups):
        table.add_row(group.title, f"{group.n:,}", *(_group_cell(e, i) for e in evaluations))
    table.add_section()
    table.add_row("sparsity", "", *(sparsity(stage.keep_ratio) for stage in stages))
    table.caption = "per cent; intervals are 95 % (Wilson); the weights are the groups' shares of the training split"
    table.caption_justify = "left"
    return table


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
