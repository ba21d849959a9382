"""A run in a narrow column, for the panel beside the table."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from core.feed.snapshot import Snapshot
from core.results.settings import show
from core.runs.record import RunRecord
from prusc_tui.palette import Palette
from prusc_tui.report.frame import about, reason, warning_lines
from prusc_tui.report.groups import groups
from prusc_tui.report.pipeline import pipeline
from prusc_tui.report.results import results
from prusc_tui.report.spark import current_series, losses
from prusc_tui.widgets.bars import fit, heading, safe, wrap

LOG_LINES = 5
"""Number of log lines."""
SETTINGS = 12
"""Maximal number of changed settings."""


def side(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """Return a run as lines of exactly `width` cells, the most important part first."""
    record = snapshot.record
    found = results(snapshot)
    parts = [
        [*about(record, snapshot.elapsed, width, palette), *reason(record, width, palette)],
        list(_tags_and_note(record, width, palette)),
        pipeline(snapshot.stages, width, palette),
        warning_lines(snapshot.warnings, width, palette),
        groups(found if len(found) < 3 else [found[0], found[-1]], width, palette, 0),
        losses(*current_series(snapshot), width, palette),
        _changed(record, width, palette),
        _log(snapshot.log, width, palette),
    ]
    lines: list[Text] = []
    for part in parts:
        lines += [*([fit("", width)] if lines and part else []), *part]
    return lines


def reading(name: str, width: int, palette: Palette) -> list[Text]:
    """Placeholder while a long stream is read."""
    return [fit(safe(name), width, f"bold {palette.text}"), fit("reading …", width, palette.muted)]


def _tags_and_note(record: RunRecord, width: int, palette: Palette) -> Iterator[Text]:
    if record.tags:
        yield from wrap(Text("tags  ", palette.muted).append(safe(" ".join(record.tags)), palette.accent), width, 6)
    for line in record.note.splitlines():
        yield from wrap(Text(safe(line), f"italic {palette.text}"), width)


def _changed(record: RunRecord, width: int, palette: Palette) -> list[Text]:
    if not record.overrides and not record.forked_from:
        return []
    lines = [heading(f"Differs from {safe(record.preset or record.recipe)}", "", width, palette)]
    if record.forked_from:
        lines += wrap(Text("forked from ", palette.muted).append(safe(record.forked_from), palette.text), width, 2)
    for key, value in list(record.overrides.items())[:SETTINGS]:
        text = Text(f"{safe(key)} = ", palette.muted).append(safe(show(value)), palette.text)
        lines += wrap(text, width, indent=2)
    if (rest := len(record.overrides) - SETTINGS) > 0:
        lines.append(fit(f"… {rest} more", width, palette.muted))
    return lines


def _log(log: Sequence[str], width: int, palette: Palette) -> list[Text]:
    if not log:
        return []
    return [heading("Log", "", width, palette), *(fit(line, width, palette.muted) for line in log[-LOG_LINES:])]
