"""The stages of a run as a line: the connector behind a stage is its progress bar."""

from rich.cells import cell_len
from rich.text import Text

from core.feed.snapshot import StageView
from core.words import duration, sparsity
from prusc_tui.palette import MARKS, Palette
from prusc_tui.widgets.bars import fit, ink, meter, safe

NARROW = 44  # width in cells below which every stage has its own line
SHORTEST = 2  # cells of the shortest connector
LONGEST = 24  # cells of the longest connector of a stage that is not running
ROOM_OF_RUNNING = 22  # cells for the running stage, if available, for its step and the time left


def pipeline(stages: tuple[StageView, ...], width: int, palette: Palette, ago: float = 0.0) -> list[Text]:
    """Return the stages as lines of names and connectors, and below each its time.

    `ago` are the seconds since the snapshot, added to the clock of a running stage.
    """
    if width < NARROW:
        return [_own_line(stage, stages, width, palette, ago) for stage in stages]
    lines: list[Text] = []
    for row in _rows(stages, width):
        sizes = _sizes(row, width)
        names, notes = Text(), Text()
        for stage, size in zip(row, sizes, strict=True):
            names.append_text(_segment(stage, size, palette, last=stage is stages[-1]))
            notes.append_text(fit(ink("  ").append(_facts(stage, size - 2, ago), palette.muted), size))
        lines += [fit(names, width), fit(notes, width)]
    return lines


def share_done(stage: StageView) -> float:
    """Share of the stage's steps that are done; 0 if they cannot be counted."""
    if stage.state in ("done", "reused"):
        return 1.0
    return min(1.0, stage.step / stage.total) if stage.total else 0.0


def _least(stage: StageView) -> int:
    return 2 + cell_len(safe(stage.name)) + 1 + SHORTEST + 1


def _rows(stages: tuple[StageView, ...], width: int) -> list[list[StageView]]:
    rows: list[list[StageView]] = []
    used = width
    for stage in stages:
        need = min(width, _least(stage))
        if used + need > width:
            rows.append([])
            used = 0
        rows[-1].append(stage)
        used += need
    return rows


def _sizes(row: list[StageView], width: int) -> list[int]:
    """Cells of each segment: its minimum, and the rest for the running stage, else for all equally."""
    sizes = [min(width, _least(stage)) for stage in row]
    rest = width - sum(sizes)
    working = [i for i, stage in enumerate(row) if stage.state == "running"]
    if working:
        more = min(rest, max(ROOM_OF_RUNNING - sizes[working[0]], rest // 3))
        sizes[working[0]] += more
        rest -= more
    each = min(LONGEST, rest // len(row))
    return [size + each for size in sizes]


def _segment(stage: StageView, size: int, palette: Palette, last: bool) -> Text:
    style = palette.of_state(stage.state)
    weight = "bold " if stage.state == "running" else ""
    name = safe(stage.name)
    line = ink(f"{MARKS[stage.state]} ", weight + style)
    line.append(name, weight + (palette.muted if stage.state == "waiting" else palette.text)).append(" ")
    room = size - line.cell_len - 1
    begun = stage.state not in ("done", "reused", "waiting")
    if room < 1 or (last and not begun):
        return fit(line, size)
    if stage.state == "waiting":
        line.append("╌" * room, palette.track)
    else:
        line.append_text(meter(share_done(stage), room, style, palette))
    return fit(line, size)


def _facts(stage: StageView, room: int, ago: float) -> str:
    """Facts about a stage, the most important first, as many as fit."""
    match stage.state:
        case "waiting":
            return ""
        case "reused":
            facts = ["reused"]
        case "running":
            facts = _facts_at_work(stage, room, ago)
        case "stopped" | "failed":
            facts = [f"{stage.state} at {stage.step:,}" if stage.step else stage.state, duration(stage.seconds)]
        case _:
            facts = [duration(stage.seconds)]
    if stage.keep_ratio is not None:
        facts.append(f"{sparsity(stage.keep_ratio)} % pruned")
    text = facts[0]
    for fact in facts[1:]:
        if cell_len(f"{text} · {fact}") <= room:
            text += f" · {fact}"
    return text


def _facts_at_work(stage: StageView, room: int, ago: float) -> list[str]:
    so_far = duration(stage.seconds + ago)
    if stage.total <= 1:
        return [so_far]
    steps = f"{stage.step:,}/{stage.total:,}"
    if stage.eta_seconds is None:
        return [steps, so_far]
    left = f"{duration(max(0.0, stage.eta_seconds - ago))} left"
    if cell_len(f"{steps} · {left}") > room:
        steps = f"{100 * share_done(stage):.0f} %"
    return [steps, left, f"{so_far} so far"]


def _own_line(stage: StageView, stages: tuple[StageView, ...], width: int, palette: Palette, ago: float) -> Text:
    style = palette.of_state(stage.state)
    names = min(max(cell_len(safe(one.name)) for one in stages), max(4, width // 2))
    line = ink(f"{MARKS[stage.state]} ", style)
    line.append_text(fit(safe(stage.name), names, palette.muted if stage.state == "waiting" else palette.text))
    if stage.state == "running":
        line.append(" ").append_text(meter(share_done(stage), max(4, width // 5), style, palette))
    return fit(line.append(" ").append(_facts(stage, width - line.cell_len - 1, ago), palette.muted), width)
