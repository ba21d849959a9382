"""The report of a run, as at the end of `prusc run` and in `prusc show`."""

from collections.abc import Iterator

from rich.text import Text

from core.events import Selected
from core.feed.snapshot import Snapshot
from core.groups import Evaluation
from core.runs.record import RunRecord, worked
from core.words import duration, percent
from prusc_tui.palette import SHELL, Palette
from prusc_tui.report.environments import conflicts, environments
from prusc_tui.report.frame import about, cell_line, harm_lines, notes, reason, supervision_lines, warning_lines
from prusc_tui.report.groups import table
from prusc_tui.report.restarts import members, restarts, restarts_of
from prusc_tui.report.results import headline, results, worst_cell_of
from prusc_tui.report.selection import selection
from prusc_tui.widgets.bars import fit, ink, safe, wrap
from prusc_tui.words import unit_of

MOST_GROUPS = 8  # maximum number of groups whose shares of the validation split are listed

RESTARTS = "sd: sample standard deviation over restarts; the accuracies above are those of one restart"


def report(snapshot: Snapshot, now: float, width: int, palette: Palette = SHELL) -> list[Text]:
    """Return all results of a run in figures; `now` (seconds since 1970) is for the clock of a running run."""
    lines: list[Text] = []
    for part in _parts(snapshot, now, width, palette):
        lines += [*([fit("", width)] if lines and part else []), *part]
    return lines


def _parts(snapshot: Snapshot, now: float, width: int, palette: Palette) -> Iterator[list[Text]]:
    record, made, said = snapshot.record, snapshot.environments, headline(snapshot)
    yield [*about(record, worked(record.summary(), now), width, palette), *harm_lines(said, width, palette)]
    yield table(results(snapshot), width, palette) or wrap("No stage has been evaluated yet.", width)
    yield cell_line(worst_cell_of(snapshot), width, palette)
    several = 1
    for stage in snapshot.stages:
        found = restarts_of(snapshot, stage.name)
        if any(len(looks[-1].restarts) > 1 for looks in found):
            several = max(several, members(found))
            yield restarts(found, width, palette, unit_of(snapshot)) + wrap(ink(RESTARTS, palette.muted), width)
    if made is not None:
        yield environments(made, width, palette)
        yield conflicts(made, width, palette)
    yield notes(snapshot, width, palette)
    chosen = {s.name: Selected(s.name, record.selection, 0, s.selection["picks"]) for s in record.stages if s.selection}
    yield selection([stage.name for stage in snapshot.stages], chosen, width, palette)
    repeats = "one seed" + (f", {several} restarts" if several > 1 else "")
    facts = [validation_line(record), _times(record), _clusters_hint(snapshot)]
    yield [
        *supervision_lines(record, width, palette, repeats),
        *(line for fact in facts if fact for line in wrap(ink(fact, palette.text), width, indent=2)),
    ]
    warnings = [warned for warned in snapshot.warnings if warned not in said]
    yield [*reason(record, width, palette), *warning_lines(warnings, width, palette, len(warnings))]


def validation_line(record: RunRecord) -> str | None:
    """The validation split, on which checkpoints are chosen: its share of every group or class."""
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
    shares = [f"{safe(group.title)} {percent(group.n / evaluation.n)} %" for group in groups]
    if len(groups) > MOST_GROUPS:
        least, most = percent(min(sizes) / evaluation.n), percent(max(sizes) / evaluation.n)
        return f"{text} in {len(groups)} {units} of {least} to {most} %"
    return f"{text}: {', '.join(shares)}"


def _clusters_hint(snapshot: Snapshot) -> str | None:
    """How to see more than classes if the data has no attributes: by the clusters of the run."""
    clustered = any(stage.name in ("find", "cluster") and stage.status == "done" for stage in snapshot.record.stages)
    if unit_of(snapshot) == "group" or not clustered:
        return None
    return f"accuracy of every class in every pseudo-group: prusc eval {snapshot.record.id} --by-group"


def _times(record: RunRecord) -> str:
    """Time of each stage, and the sources of reused stages."""
    worked = [stage for stage in record.stages if not stage.reused]
    times = [f"{s.name} {duration(s.seconds) if s.status == 'done' else s.status}" for s in worked]
    sources: dict[str, list[str]] = {}
    for stage in record.stages:
        if stage.reused:
            sources.setdefault(stage.reused, []).append(stage.name)
    reused = [f"{', '.join(names)} reused from {source}" for source, names in sources.items()]
    return safe("time: " + " · ".join([*times, *reused]))
