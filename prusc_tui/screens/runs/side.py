"""The panel beside the table of runs: a summary of the run under the cursor."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.timer import Timer

from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.results.settings import show
from core.runs.folder import RunFolder
from core.runs.record import RunRecord
from prusc_tui.palette import Palette
from prusc_tui.report.frame import about, harm_lines, reason, warning_lines
from prusc_tui.report.groups import groups
from prusc_tui.report.pipeline import pipeline
from prusc_tui.report.results import headline, results
from prusc_tui.report.spark import current_series, losses
from prusc_tui.widgets.bars import fit, heading, safe, wrap
from prusc_tui.widgets.panel import Question, Reading
from prusc_tui.widgets.picture import Draw, Picture
from prusc_tui.widgets.poller import Poller, why_not

REST = 0.1
"""Seconds that the cursor rests on a run before reading."""
PATIENCE = 0.3
"""Seconds of reading after which a placeholder is shown."""
EVERY = 0.5
"""Seconds between readings of the run's folder."""
LOG_LINES = 5
"""Number of log lines."""
SETTINGS = 12
"""Maximal number of changed settings."""


class SidePanel(VerticalScroll, can_focus=False):
    """One run at a glance, live."""

    DEFAULT_CSS = """
    SidePanel { padding: 0 1; background: $surface; scrollbar-size-vertical: 1; }
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.snapshot: Snapshot | None = None
        self._clock = clock
        self._folder: RunFolder | None = None
        self._poller: Poller[Snapshot] | None = None
        self._reading: Reading[Snapshot | str] = Reading(self, self._take)
        self._waits: list[Timer] = []

    def compose(self) -> ComposeResult:
        yield Picture(id="glance")

    def on_unmount(self) -> None:
        self._leave()

    def watch_run(self, folder: RunFolder | None, name: str = "") -> None:
        """Show another run once the cursor rests on it; None shows nothing."""
        if folder is not None and self._folder is not None and folder.id == self._folder.id:
            return
        self._leave()
        self._folder = folder
        if folder is None:
            self.snapshot = None
            self._show(None, lambda *_: [])
        else:
            question = self._reading.begin()
            self._waits = [
                self.set_timer(REST, partial(self._begin, question, folder)),
                self.set_timer(
                    REST + PATIENCE, lambda: self._show(question, lambda w, _, palette: reading(name, w, palette))
                ),
            ]

    def _leave(self) -> None:
        self._reading.forget()
        for timer in self._waits:
            timer.stop()
        if self._poller is not None:
            self._poller.stop()
            self._poller = None

    def _begin(self, question: Question[Snapshot | str], folder: RunFolder) -> None:
        feed = RunFeed(folder, self._clock)
        self._poller = Poller(
            # Stop reading a long stream once the cursor has moved on.
            lambda: feed.poll(lambda: question.stale),
            question.answer,
            EVERY,
            lambda error: question.answer(why_not(error, folder.path)),
        )
        self._poller.start()

    def _take(self, found: Snapshot | str) -> None:
        self._waits[1].stop()
        if isinstance(found, str):
            self._show(found, lambda w, _, p: wrap(Text(found, p.bad), w))
            return
        if self.snapshot is None or self.snapshot.record.id != found.record.id:
            self.scroll_home(animate=False)
        self.snapshot = found
        self._show(found, lambda w, _, p: side(found, w, p))

    def _show(self, key: object, draw: Draw) -> None:
        self.query_one(Picture).show(key, draw)


def side(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """Return a run as lines of exactly `width` cells, the most important part first."""
    record = snapshot.record
    found, said = results(snapshot), headline(snapshot)
    parts = [
        [
            *about(record, snapshot.elapsed, width, palette),
            *reason(record, width, palette),
            *harm_lines(said, width, palette),
        ],
        list(_tags_and_note(record, width, palette)),
        pipeline(snapshot.stages, width, palette),
        warning_lines([warned for warned in snapshot.warnings if warned not in said], width, palette),
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
