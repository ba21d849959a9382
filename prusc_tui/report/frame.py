"""A run as one picture: the frame of `prusc watch`, and parts that the screen puts into widgets."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from rich.text import Text

from core.events import Balanced, Choice, PseudoGroupsFound, Sparsity, Warned
from core.feed.snapshot import Snapshot
from core.groups import Evaluation
from core.runs.record import RunRecord
from core.words import duration, percent
from prusc_tui.palette import MARKS, SHELL, Palette
from prusc_tui.report import environments, restarts
from prusc_tui.report.groups import groups
from prusc_tui.report.pipeline import pipeline
from prusc_tui.report.results import headline, results, worst_cell_of
from prusc_tui.report.selection import selection
from prusc_tui.report.spark import current_series, losses, stage_in_view
from prusc_tui.widgets.bars import fit, heading, ink, meter, safe, shorten, wrap
from prusc_tui.words import attributes_sentence, is_oracle, unit_of

WIDE = 110  # width in cells from which there are two columns
GAP = 3  # cells between the columns
WARNINGS = 3  # number of newest warnings to show
LEAST_GROUPS = 6  # minimum lines of the groups: heading, stages, worst, average and the line of the worst group


class Part(NamedTuple):
    """A part of the picture: its rank (low: kept longest), the state that it shows, and its drawing."""

    name: str
    rank: int
    shown: object
    draw: Callable[[int, int, Palette], list[Text]]


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
    top = [head(snapshot.record, snapshot.elapsed + ago, width, palette)]
    top += [*harm_lines(headline(snapshot), width, palette), fit("", width)]
    top += [*pipeline(snapshot.stages, width, palette, ago), fit("", width)]
    room = None if height is None else max(1, height - len(top))
    found = results(snapshot)
    if width < WIDE or not found:
        body = _one_column(snapshot, width, room, palette)
    else:
        right = side_width(width)
        left = width - right - GAP
        pictured = groups(found, left, palette, room, crop=room is not None)
        beside = _fit_parts(parts(snapshot, rows=2), room, right, palette)
        body = side_by_side(pictured, beside, left, right)
    lines = top + body
    return lines if height is None else lines[:height]


def age(snapshot: Snapshot, now: float | None) -> float:
    """Seconds by which the clocks of a running run have moved on since the snapshot; 0 for any other."""
    return max(0.0, now - snapshot.taken) if now is not None and snapshot.status == "running" else 0.0


def side_by_side(left: Sequence[Text], right: Sequence[Text], left_width: int, right_width: int) -> list[Text]:
    """Put two columns side by side, the shorter one padded with blank lines."""
    rows = zip_longest(left, right, fillvalue=ink(""))
    return [fit(a, left_width).append(" " * GAP).append_text(fit(b, right_width)) for a, b in rows]


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


def pseudo_groups(
    choice: Choice | None, found: PseudoGroupsFound | None, balanced: Balanced | None, width: int, palette: Palette
) -> list[Text]:
    """The finder, what is known of its pseudo-groups without group labels, and the size of the balanced set."""
    facts = finder_facts(choice, found)
    if found and "found" in found.conflicts:
        facts.append(f"{found.conflicts['found']:,} conflict samples")
    if balanced:
        facts.append(f"balanced set {balanced.size:,} by {safe(balanced.rule)}")
    if not facts:
        return []
    return [heading("Pseudo-groups", "", width, palette), *wrap(ink(" · ".join(facts), palette.text), width)]


def finder_facts(choice: Choice | None, found: PseudoGroupsFound | None) -> list[str]:
    """The finder and its choices; of clusters also their skew."""
    taken = chosen_clusters(choice, found)
    skew = [f"skew {taken['skew']:.2f}"] if taken else []
    if found and found.source:
        return [safe(found.source), *skew]
    if taken:
        return [f"k = {taken['k']}", trained_to(taken["epoch"]), *skew]
    return [f"k = {len(found.table)}"] if found else []


def quality_sentence(quality: Mapping[str, float | None]) -> str:
    """What ERM gains in its worst cell if its head is refitted on the balanced set; empty if unknown."""
    worst, probed, average = (quality.get(name) for name in ("worst_cell", "probed", "average"))
    if worst is None:
        return ""
    text = f"worst cell of ERM on validation {percent(worst)} % (average {percent(average)} %)"
    return text if probed is None else f"{text}, {percent(probed)} % with its head refitted on the balanced set"


def chosen_clusters(choice: Choice | None, found: PseudoGroupsFound | None) -> Mapping[str, Any] | None:
    """The choice of checkpoint and number of clusters; None if another finder's pseudo-groups were taken."""
    if choice is None or not choice.candidates or (found is not None and choice.stage != found.finders[0]):
        return None
    return choice.candidates[choice.chosen]


def trained_to(epoch: float) -> str:
    """Name the network whose representation was clustered; epoch 0 is a given network."""
    return f"epoch {epoch:g} of ERM" if epoch else "the given network"


def warning_lines(warnings: Sequence[Warned], width: int, palette: Palette, most: int = WARNINGS) -> list[Text]:
    """The newest warnings, wrapped at words."""
    texts = (ink("! ", f"bold {palette.warn}").append(safe(one.text), palette.text) for one in warnings[-most:])
    return [line for text in texts for line in wrap(text, width, indent=2)]


def harm_lines(warnings: Sequence[Warned], width: int, palette: Palette) -> list[Text]:
    """Warnings that a network is not to be used, for the place below the head of a run."""
    texts = (ink(f"{MARKS['failed']} {safe(one.text)}", f"bold {palette.bad}") for one in warnings)
    return [line for text in texts for line in wrap(text, width, indent=2)]


def cell_line(found: tuple[str, Evaluation] | None, width: int, palette: Palette) -> list[Text]:
    """The worst cell on validation, which stands in for the worst group where attributes are unknown."""
    if found is None or (cell := found[1].worst_cell) is None:
        return []
    stage, result = found
    line = ink("worst cell ", palette.text).append(percent(cell.accuracy), f"bold {palette.text}")
    there = f"worst {result.unit} there {percent(result.worst_group.accuracy)}"
    line.append(f" after {safe(stage)} (validation, no group labels used; {there})", palette.muted)
    return wrap(line, width)


def notes(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """Outcomes of kinds that a stage defines for itself, each broken at words."""
    return [line for note in snapshot.notes for line in wrap(ink(note, palette.text), width, indent=2)]


def supervision_lines(record: RunRecord, width: int, palette: Palette, repeats: str = "") -> list[Text]:
    """The supervision behind the result, and its repetitions."""
    sentence = attributes_sentence(record.attributes_used, record.selection)
    style = palette.warn if is_oracle(record.attributes_used) else palette.muted
    text = f"{sentence[0].upper()}{sentence[1:]}{f'; {repeats}' if repeats else ''}."
    return wrap(ink(text, style), width)


def parts(snapshot: Snapshot, rows: int = 1) -> list[Part]:
    """Everything except stages and groups, from top to bottom; losses in `rows` lines each."""
    record, made, cell = snapshot.record, snapshot.environments, worst_cell_of(snapshot)
    said = headline(snapshot)
    warnings = tuple(warned for warned in snapshot.warnings if warned not in said)
    masked = stage_in_view(snapshot, snapshot.sparsity)
    kept = snapshot.sparsity[masked] if masked else None
    stage, curves = current_series(snapshot)
    reached, unit = restarts.restarts_of(snapshot), unit_of(snapshot)
    found = snapshot.choice, snapshot.pseudo_groups, snapshot.balanced
    names, selected = [stage.name for stage in snapshot.stages], dict(snapshot.selected)
    known = record.attributes_used, record.selection
    return [
        Part("cell", 2, cell, lambda w, _, p: cell_line(cell, w, p)),
        Part("reason", 0, record.reason, lambda w, _, p: reason(record, w, p)),
        Part("warnings", 1, warnings, lambda w, _, p: warning_lines(warnings, w, p)),
        Part("restarts", 2, (reached, unit), lambda w, _, p: restarts.in_brief(reached, w, p, unit)),
        Part("losses", 3, (stage, tuple(curves.items())), lambda w, _, p: losses(stage, curves, w, p, rows)),
        Part("weights", 4, kept, lambda w, _, p: masks(kept, w, p)),
        Part("environments", 6, made, lambda w, _, p: environments.in_brief(made, w, p) if made else []),
        Part("pseudo-groups", 7, found, lambda w, _, p: pseudo_groups(*found, w, p)),
        Part("checkpoints", 8, (names, selected), lambda w, _, p: selection(names, selected, w, p)),
        Part("notes", 2, snapshot.notes, lambda w, _, p: notes(snapshot, w, p)),
        Part("knowledge", 5, known, lambda w, _, p: supervision_lines(record, w, p)),
    ]


def _fit_parts(parts: list[Part], room: int | None, width: int, palette: Palette) -> list[Text]:
    """Stack the parts with a blank line between; leave out the least important ones until they fit."""
    kept = [(part.rank, lines) for part in parts if (lines := part.draw(width, 0, palette))]
    while room is not None and kept and sum(len(lines) + 1 for _, lines in kept) - 1 > room:
        kept.remove(max(kept, key=lambda part: part[0]))
    stack: list[Text] = []
    for _, drawn in kept:
        stack += [*([fit("", width)] if stack else []), *drawn]
    return stack


def _one_column(snapshot: Snapshot, width: int, room: int | None, palette: Palette) -> list[Text]:
    found = results(snapshot)
    others = parts(snapshot)
    if room is None:
        picture = groups(found, width, palette)
        return [*picture, *([fit("", width)] if picture else []), *_fit_parts(others, None, width, palette)]
    compact = groups(found, width, palette, 0)
    # Groups first, then what fits below them; the groups get the remaining lines.
    least = min(len(compact), max(LEAST_GROUPS, room * 2 // 3)) if compact else -1
    below = _fit_parts(others, room - least - 1, width, palette)
    rest = room - len(below) - (1 if below else 0)
    picture = groups(found, width, palette, rest, crop=True)
    return [*picture, *([fit("", width)] if picture and below else []), *below]
