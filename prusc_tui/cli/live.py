"""A run as one calm frame of the terminal: stages, losses, groups, alarms."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from prusc_tui.words import STATUS_STYLES, duration, percent, sparsity

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

    from core.groups import Evaluation
    from core.runs.series import Series
    from core.runs.snapshot import Snapshot, StageView

BAR = 24
"""Width of a progress bar in cells."""
SPARK = 24
"""Width of a spark line in cells."""
MARKS = {"waiting": "·", "running": "▸", "done": "✓", "reused": "↺", "stopped": "■", "failed": "✗"}
STYLES = {"waiting": "dim", "running": "bold", "done": "green", "reused": "cyan", "stopped": "yellow", "failed": "red"}
SPARKS = "▁▂▃▄▅▆▇█"


def frame(snapshot: "Snapshot", now: float | None = None) -> "Group":
    """Return the frame of a snapshot.

    Args:
        snapshot: what the feed last said.
        now: seconds since 1970, for the clock of a running run; None for the time at which the snapshot was taken.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_head(snapshot, now), _stages(snapshot)]
    if (series := _series(snapshot)) is not None:
        parts.append(series)
    if (groups := _groups(snapshot)) is not None:
        parts.append(groups)
    parts += [Text("! ", "yellow").append(_plain(w.text), "default") for w in snapshot.warnings[-3:]]
    if snapshot.record.reason:
        parts.append(Text(_plain(snapshot.record.reason), "red"))
    return Group(*parts)


def _head(snapshot: "Snapshot", now: float | None) -> "RenderableType":
    from rich.text import Text

    record = snapshot.record
    ticking = snapshot.status == "running" and now is not None
    elapsed = snapshot.elapsed + (max(0.0, now - snapshot.taken) if ticking and now is not None else 0.0)
    between = (" · ", "dim")
    return Text.assemble(
        (_plain(record.name), "bold"),
        between,
        f"{record.recipe} on {record.data}",
        between,
        f"seed {record.seed}",
        between,
        record.device or "no device yet",
        between,
        (snapshot.status, STATUS_STYLES[snapshot.status]),
        between,
        duration(elapsed),
    )


def _stages(snapshot: "Snapshot") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for stage in snapshot.stages:
        style = STYLES[stage.state]
        table.add_row(
            Text(MARKS[stage.state], style), Text(stage.name, style), _bar(stage), Text(_stage_note(stage), "dim")
        )
    return table


def _bar(stage: "StageView") -> "RenderableType":
    from rich.text import Text

    done = stage.state in ("done", "reused")
    share = 1.0 if done else stage.step / max(1, stage.total)
    full = round(BAR * min(1.0, share))
    return Text("━" * full, STYLES[stage.state]).append("─" * (BAR - full), "bright_black")


def _stage_note(stage: "StageView") -> str:
    if stage.state == "waiting":
        return ""
    if stage.state == "reused":
        return "reused"
    notes = [duration(stage.seconds)]
    if stage.state == "running" and stage.total > 1:
        notes = [f"{stage.step:,}/{stage.total:,}", *notes]
        if stage.eta_seconds is not None:
            notes.append(f"{duration(stage.eta_seconds)} left")
    if stage.keep_ratio is not None:
        notes.append(f"sparsity {sparsity(stage.keep_ratio)} %")
    return "  ".join(notes)


def _current(snapshot: "Snapshot", among: Sequence[str]) -> str | None:
    """Return the running stage if it is among those named, else the last of them that came so far."""
    order = [stage.name for stage in snapshot.stages if stage.name in among]
    return order[-1] if order else None


def _series(snapshot: "Snapshot") -> "RenderableType | None":
    from rich.table import Table
    from rich.text import Text

    stage = _current(snapshot, [name for name, _ in snapshot.series])
    if stage is None:
        return None
    table = Table.grid(padding=(0, 1))
    for (owner, name), series in snapshot.series.items():
        if owner == stage and len(series):
            label = f"{stage} {name}"
            table.add_row(Text(label), Text(spark(series), "cyan"), Text(f"{series.values[-1]:.4g}", "bold"))
    masks = snapshot.sparsity.get(stage)
    if masks is not None:
        kept = f"{100 * masks.keep_ratio:.1f} % of weights kept"
        table.add_row(Text("masks"), Text(kept), Text(f"at step {masks.step:,}", "dim"))
    return table


def spark(series: "Series", width: int = SPARK) -> str:
    """Draw a series as one row of blocks, the mean of each column between its least and its greatest value."""
    values = [v for v in series.values if v == v]
    if not values:
        return ""
    columns = min(width, len(values))
    edges = [round(i * len(values) / columns) for i in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(SPARKS) - 1) / (high - low) if high > low else 0.0
    return "".join(SPARKS[round((mean - low) * scale)] for mean in means)


def _groups(snapshot: "Snapshot") -> "RenderableType | None":
    from rich.table import Table
    from rich.text import Text

    columns = _evaluated(snapshot)
    if not columns:
        return None
    table = Table.grid(padding=(0, 2))
    for _ in range(len(columns) + 2):
        table.add_column(justify="right")
    table.columns[0].justify = "left"
    first = columns[0][1]
    titles = [Text(f"{stage}\n{split}", "bold", justify="right") for stage, _, split in columns]
    table.add_row(Text("accuracy, %"), Text("n", "dim"), *titles)
    table.add_row(
        Text("worst group", "bold"), "", *(Text(percent(e.worst_group.accuracy), "bold") for _, e, _ in columns)
    )
    table.add_row("average", "", *(percent(e.average) for _, e, _ in columns))
    for i, group in enumerate(first.groups):
        cells = [
            Text(percent(e.groups[i].accuracy), "bold red" if e.groups[i] is e.worst_group else "")
            for _, e, _ in columns
        ]
        sizes = {e.groups[i].n for _, e, _ in columns}
        table.add_row(Text(_plain(group.title)), Text(f"{group.n:,}" if len(sizes) == 1 else "", "dim"), *cells)
    return table


def _evaluated(snapshot: "Snapshot") -> "list[tuple[str, Evaluation, str]]":
    """For every stage with an evaluation: its final one on test, else its latest look at validation."""
    found = []
    for stage in snapshot.stages:
        for split in ("test", "validation"):
            looks = snapshot.evaluations.get((stage.name, split))
            if looks:
                last = looks[-1]
                found.append((stage.name, last.evaluation, split if last.final else f"validation, step {last.step:,}"))
                break
    return found


def _plain(text: str) -> str:
    from core.runs.text import safe_text

    return safe_text(text)
