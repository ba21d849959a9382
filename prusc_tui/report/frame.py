"""A run as one picture: the frame of `prusc watch`, and parts that the screen puts into widgets."""

from collections.abc import Sequence

from rich.text import Text

from core.events import Balanced, Choice, Clustered, Sparsity, Warned
from core.feed.snapshot import Snapshot
from core.runs.record import RunRecord
from core.words import duration, percent
from prusc_tui.palette import MARKS, SHELL, Palette
from prusc_tui.report import environments, restarts
from prusc_tui.report.groups import groups
from prusc_tui.report.pipeline import pipeline
from prusc_tui.report.results import results
from prusc_tui.report.selection import selection
from prusc_tui.report.spark import current_series, losses, stage_in_view
from prusc_tui.widgets.bars import fit, heading, ink, meter, safe, shorten, wrap
from prusc_tui.words import attributes_sentence, is_oracle, unit_of

WIDE = 110
"""Width in cells from which there are two columns."""
GAP = 3
"""Cells between the columns."""
WARNINGS = 3
"""Number of newest warnings to show."""
LEAST_GROUPS = 6
"""Minimum lines of the groups: heading, stages, worst, average and the line of the worst group."""


def side_width(width: int) -> int:
    """Cells of the right column of a wide picture."""
    return min(64, max(44, width // 3))


def frame(
    snapshot: Snapshot, now: float | None = None, width: int = 80, height: int | None = None, palette: Palette = SHELL
) -> list[Text]:
    """Return a run, the most important thing first, with the clocks of a running run at `now` (seconds since 1970).

    For a maximum height, the least important parts are left out, never the state, the stages or the worst group.
    """
    ago = age(snapshot, now)
    top = [head(snapshot.record, snapshot.elapsed + ago, width, palette), fit("", width)]
    top += [*pipeline(snapshot.stages, width, palette, ago), fit("", width)]
    room = None if height is None else max(1, height - len(top))
    found = results(snapshot)
    if width < WIDE or not found:
        body = _one_column(snapshot, width, room, palette)
    else:
        right = side_width(width)
        left = width - right - GAP
        pictured = groups(found, left, palette, room, crop=room is not None)
        beside = _fit_parts(_parts(snapshot, right, palette, rows=2), room)
        body = side_by_side(pictured, beside, left, right)
    lines = top + body
    return lines if height is None else lines[:height]


def age(snapshot: Snapshot, now: float | None) -> float:
    """Seconds by which the clocks of a running run have moved on since the snapshot; 0 for any other."""
    return max(0.0, now - snapshot.taken) if now is not None and snapshot.status == "running" else 0.0


def side_by_side(left: Sequence[Text], right: Sequence[Text], left_width: int, right_width: int) -> list[Text]:
    """Put two columns side by side, the shorter one padded with blank lines."""
    count = max(len(left), len(right))
    first = [*left, *[fit("", left_width)] * (count - len(left))]
    second = [*right, *[fit("", right_width)] * (count - len(right))]
    return [a.copy().append(" " * GAP).append_text(b) for a, b in zip(first, second, strict=True)]


def head(record: RunRecord, elapsed: float, width: int, palette: Palette) -> Text:
    """The run in a line: name, recipe, data, seed and device; status and time at the right edge."""
    style = palette.of_state(record.status)
    state = ink(f"{MARKS[record.status]} {record.status}", f"bold {style}")
    state.append(f"  {duration(elapsed)}", palette.text)
    room = max(0, width - state.cell_len - 2)
    line = ink(shorten(safe(record.name), max(8, room // 2)), f"bold {palette.text}")
    line.append(f"  {safe(record.recipe)} on {safe(record.data)}", palette.text)
    line.append(f" · seed {record.seed} · {safe(record.device) or 'no device yet'}", palette.muted)
    return fit(line, room).append("  ").append_text(fit(state, min(width, state.cell_len)))


def about(record: RunRecord, elapsed: float, width: int, palette: Palette) -> list[Text]:
    """The run with its id, wrapped to a narrow column without cutting anything."""
    state = ink(f"{MARKS[record.status]} {record.status}", f"bold {palette.of_state(record.status)}")
    if elapsed:
        state.append(f"  {duration(elapsed)}", palette.text)
    state.append(f"  {record.id}", palette.muted)
    facts = [f"{record.recipe} on {record.data}", f"seed {record.seed}", record.device]
    text = " · ".join(safe(fact) for fact in facts if fact)
    return [
        *wrap(ink(safe(record.name), f"bold {palette.text}"), width),
        fit(state, width),
        *wrap(ink(text, palette.muted), width),
    ]


def reason(record: RunRecord, width: int, palette: Palette) -> list[Text]:
    """Why the run failed; empty if it did not."""
    text = ink(f"{MARKS['failed']} {safe(record.reason)}", palette.bad)
    return wrap(text, width, indent=2) if record.reason else []


def masks(sparsity: Sparsity | None, width: int, palette: Palette) -> list[Text]:
    """Share of the weights kept by the masks, as a bar."""
    if sparsity is None:
        return []
    kept, cut = percent(sparsity.keep_ratio), percent(1 - sparsity.keep_ratio)
    value = f"  {kept} % kept, {cut} % pruned"
    bar = meter(sparsity.keep_ratio, max(4, width - len(value)), palette.accent, palette)
    note = f"{safe(sparsity.stage)}, step {sparsity.step:,}"
    return [heading("Weights", note, width, palette), fit(bar.append(value, palette.text), width)]


def clusters(
    choice: Choice | None, clustered: Clustered | None, balanced: Balanced | None, width: int, palette: Palette
) -> list[Text]:
    """Number of clusters, their source, and the size of the balanced set."""
    facts = [f"k = {len(clustered.table)}"] if clustered else []
    if choice and choice.candidates:
        chosen = choice.candidates[choice.chosen]
        facts = [f"k = {chosen['k']}", trained_to(chosen["epoch"]), f"skew {chosen['skew']:.2f}"]
    if balanced:
        facts.append(f"balanced set {balanced.size:,} by {safe(balanced.rule)}")
    if not facts:
        return []
    return [heading("Clusters", "", width, palette), *wrap(ink(" · ".join(facts), palette.text), width)]


def trained_to(epoch: float) -> str:
    """Name the network whose representation was clustered; epoch 0 is a given network."""
    return f"epoch {epoch:g} of ERM" if epoch else "the given network"


def warning_lines(warnings: Sequence[Warned], width: int, palette: Palette, most: int = WARNINGS) -> list[Text]:
    """The newest warnings, wrapped at words."""
    texts = (ink("! ", f"bold {palette.warn}").append(safe(one.text), palette.text) for one in warnings[-most:])
    return [line for text in texts for line in wrap(text, width, indent=2)]


def notes(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """Outcomes of kinds that a stage defines for itself, each broken at words."""
    return [line for note in snapshot.notes for line in wrap(ink(note, palette.text), width, indent=2)]


def supervision_lines(record: RunRecord, width: int, palette: Palette, repeats: str = "") -> list[Text]:
    """The supervision behind the result, and its repetitions."""
    sentence = attributes_sentence(record.attributes_used, record.selection)
    style = palette.warn if is_oracle(record.attributes_used) else palette.muted
    text = f"{sentence[0].upper()}{sentence[1:]}{f'; {repeats}' if repeats else ''}."
    return wrap(ink(text, style), width)


def _parts(snapshot: Snapshot, width: int, palette: Palette, rows: int = 1) -> list[tuple[int, list[Text]]]:
    """Everything except stages and groups, from top to bottom, each with its rank (low: kept longest)."""
    masked = stage_in_view(snapshot, snapshot.sparsity)
    curves = losses(*current_series(snapshot), width, palette, rows)
    made = [
        (0, reason(snapshot.record, width, palette)),
        (1, warning_lines(snapshot.warnings, width, palette)),
        (2, restarts.in_brief(restarts.restarts_of(snapshot), width, palette, unit_of(snapshot))),
        (3, curves),
        (4, masks(snapshot.sparsity[masked] if masked else None, width, palette)),
        (6, environments.in_brief(snapshot.environments, width, palette) if snapshot.environments else []),
        (7, clusters(snapshot.choice, snapshot.clusters, snapshot.balanced, width, palette)),
        (8, selection([s.name for s in snapshot.stages], snapshot.selected, width, palette)),
        (2, notes(snapshot, width, palette)),
        (5, supervision_lines(snapshot.record, width, palette)),
    ]
    return [(order, lines) for order, lines in made if lines]


def _fit_parts(parts: list[tuple[int, list[Text]]], room: int | None) -> list[Text]:
    """Stack the parts with a blank line between; leave out the least important ones until they fit."""
    kept = list(parts)
    while room is not None and kept and sum(len(lines) + 1 for _, lines in kept) - 1 > room:
        kept.remove(max(kept, key=lambda part: part[0]))
    lines: list[Text] = []
    for _, part in kept:
        lines += [*([fit("", part[0].cell_len)] if lines else []), *part]
    return lines


def _one_column(snapshot: Snapshot, width: int, room: int | None, palette: Palette) -> list[Text]:
    found = results(snapshot)
    parts = _parts(snapshot, width, palette)
    if room is None:
        picture = groups(found, width, palette)
        return [*picture, *([fit("", width)] if picture else []), *_fit_parts(parts, None)]
    compact = groups(found, width, palette, 0)
    # Groups first, then what fits below them; the groups get the remaining lines.
    least = min(len(compact), max(LEAST_GROUPS, room * 2 // 3)) if compact else -1
    below = _fit_parts(parts, room - least - 1)
    rest = room - len(below) - (1 if below else 0)
    picture = groups(found, width, palette, rest, crop=True)
    return [*picture, *([fit("", width)] if picture and below else []), *below]
