"""The jobs of the queue: draws visible lines, and redraws only changed ones."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from core.runs.text import safe_text
from core.words import clock
from experiments.queue.control import Job
from prusc_tui.palette import MARKS
from prusc_tui.report.queue import wanted
from prusc_tui.widgets.bars import filled, ink
from prusc_tui.widgets.cursor_list import CursorList

LOOKS = {"waiting": "queued", "held": "stopped", "interrupted": "lost"}
"""State of a job → state of a run with the same mark and colour."""
STATE, PLACE, WHERE, TIME = 13, 5, 14, 8
LEAST_NAME, MOST_NAME = 14, 44
WIDE = 110
"""Width from which what a job asks for has a column of its own."""


class JobTable(CursorList):
    """Any number of jobs, with a cursor that stays on its job when others change."""

    HEAD = 1
    OVERLAP = 1
    COMPONENT_CLASSES = {"job-table--head"}  # noqa: RUF012
    DEFAULT_CSS = "JobTable > .job-table--head { background: $surface; }"

    class Opened(Message):
        """A job was double-clicked."""

    class Moved(Message):
        """The cursor moved to another job, or to none, or its job has changed."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: Sequence[Job] = ()
        self._anchor: str | None = None
        self._current: Job | None = None
        self._places: Mapping[str, str] = {}
        self._now = 0
        self._longest = LEAST_NAME
        self._laid_out = [(0, False)] * 7
        self._lines: dict[tuple[str, bool, bool], tuple[Job, Strip]] = {}

    @property
    def current(self) -> Job | None:
        """The job under the cursor."""
        return self.jobs[self._at] if self.jobs else None

    @property
    def count(self) -> int:
        return len(self.jobs)

    def show(self, jobs: Sequence[Job], places: Mapping[str, str], now: int) -> None:
        """Show these jobs; `places` names what they run on, `now` is the time in seconds since 1970."""
        if jobs is not self.jobs:
            offset = self._at - self.scroll_offset.y
            self.jobs = jobs
            self._longest = max((cell_len(safe_text(job.run["name"])) for job in jobs), default=0)
            at = next((n for n, job in enumerate(jobs) if job.entry.run == self._anchor), None)
            self._at = min(self._at, max(0, len(jobs) - 1)) if at is None else at
            self._measure()
            if self.scroll_offset.y:
                self._scroll(self._at - offset)
            self._reveal()
        if (places, now) != (self._places, self._now):
            self._lines.clear()
        self._places, self._now = places, now
        self._repaint()
        self.moved()

    def on_click(self, event: Click) -> None:
        if (place := self.place_under(event)) is not None:
            self._go(place)
            if event.chain == 2:
                self.post_message(self.Opened())

    def moved(self) -> None:
        job = self.current
        self._anchor = job.entry.run if job is not None else self._anchor
        if job is not self._current:
            self._current = job
            self.post_message(self.Moved())

    def draw_head(self, y: int) -> Strip:  # noqa: ARG002
        titles = ("state", "no.", "name", "asks for", "where", "time", "")
        line = ink("  ")
        for title, (width, right) in zip(titles, self._laid_out, strict=True):
            if width:
                line.append(filled(title, width, right), self._palette.muted).append(" ")
        strip = Strip(line.render(self.app.console)).adjust_cell_length(self._width)
        return strip.apply_style(self.get_component_rich_style("job-table--head"))

    def draw_line(self, place: int) -> Strip:
        if place < len(self.jobs):
            job, here = self.jobs[place], place == self._at
            key = job.entry.run, here, here and self.has_focus
            if (known := self._lines.get(key)) is None or known[0] is not job:
                known = self._lines[key] = job, self._across(self._job(job, here), here)
            return known[1]
        text = "  the queue is empty; n starts a run: choose the launcher queue" if place == 1 and not self.jobs else ""
        return self._across(ink(text, self._palette.muted))

    def _measure(self) -> None:
        columns = self._columns()
        if columns != self._laid_out:
            self._laid_out = columns
            self._restyle()
        super()._measure()

    def _restyle(self) -> None:
        self._lines.clear()
        super()._restyle()

    def _columns(self) -> list[tuple[int, bool]]:
        """Width of each column, 0 for one that is left out, and whether it is right-aligned."""
        asks = WHERE if self._width >= WIDE else 0
        used = 2 + sum(width + 1 for width in (STATE, PLACE, asks, WHERE, TIME) if width)
        name = max(LEAST_NAME, min(self._longest, MOST_NAME, self._width - used - 13))
        note = max(0, self._width - used - name - 1)
        return [
            (STATE, False),
            (PLACE, True),
            (name, False),
            (asks, False),
            (WHERE, False),
            (TIME, True),
            (note, False),
        ]

    def _job(self, job: Job, here: bool) -> Text:
        palette, entry, run = self._palette, job.entry, job.run
        look = LOOKS.get(job.state, job.state)
        asks = wanted(job) or (entry.device if entry.device != "auto" else "")
        where = " ".join(self._places.get(place, place) for place in entry.places) if job.state == "running" else ""
        columns = self._laid_out
        if not columns[3][0]:  # one column for what it asks for, and later for what it has
            where = where or asks
        since = entry.started if job.state == "running" else None
        texts = (
            (f"{MARKS[look]} {job.state}", palette.of_state(look)),
            (str(job.place or ""), palette.text),
            (safe_text(run["name"]), palette.text),
            (asks, palette.muted),
            (where, palette.text if job.state == "running" else palette.muted),
            (clock(max(0, int(self._now - since))) if since is not None and self._now else "", palette.muted),
            (safe_text(run["reason"] or (run["stage"] if job.state == "running" else "") or ""), palette.muted),
        )
        line = ink("▌ " if here else "  ", palette.accent if self.has_focus else palette.muted)
        for (text, style), (width, right) in zip(texts, columns, strict=True):
            if width:
                line.append(filled(text, width, right), style).append(" ")
        return line
