"""Events and console of a run, read in pieces: the newest first, earlier ones on demand."""

import datetime
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from core.events import (
    Event,
    Logged,
    RunFinished,
    RunStarted,
    StageFinished,
    StageReused,
    StageStarted,
    Stamped,
    Warned,
)
from core.runs.stream import EventReader
from core.runs.text import safe_text
from prusc_tui.lines import line_of

KEPT = 100_000  # lines kept in memory per source
CHUNK = 1 << 18  # bytes of a console read at a time; if more were written since the last read, only the end is read
LONGEST = 4000  # characters shown of one line


class Line(NamedTuple):
    """One line of a log, safe to show: time of day if known, a mark of its level, and the role of its colour."""

    text: str
    when: str = ""
    mark: str = " "
    level: str = "text"

    @property
    def lead(self) -> int:
        """Cells of time and mark before the text."""
        return len(self.when) + 3 if self.when else 0


class Piece(NamedTuple):
    """New lines for a view.

    Attributes:
        place: `after` or `before` the present lines, or `anew` to replace them.
        lines: whole lines.
        unfinished: the line still being written; empty if there is none.
        earlier: number of lines in the file before the first one read.
    """

    place: str
    lines: Sequence[Line]
    unfinished: str = ""
    earlier: int = 0


class LogTail:
    """The events of a run as lines with the time of day, and a line with the date for each new day."""

    def __init__(self, path: Path) -> None:
        self._reader = EventReader(path)
        self._day: datetime.date | None = None

    def newer(self) -> Iterator[Piece]:
        """Yield new lines, about a megabyte of the stream at a time.

        Raises:
            OSError: it cannot be read.
        """
        for chunk in self._reader.chunks():
            if lines := list(self._lines(chunk)):
                yield Piece("after", lines)

    def _lines(self, chunk: Iterable[Stamped]) -> Iterator[Line]:
        for stamped in chunk:
            if isinstance(stamped.event, Logged):
                told = [safe_text(line.expandtabs()) for line in stamped.event.text.splitlines()]
            else:
                told = list(filter(None, [line_of(stamped.event)]))
            if not told:
                continue
            moment = datetime.datetime.fromtimestamp(stamped.t)
            if moment.date() != self._day:
                self._day = moment.date()
                yield Line(f"{self._day:%A} {self._day.day} {self._day:%B %Y}", level="muted")
            mark, level = _weight(stamped.event)
            for text in told:
                yield Line(text, f"{moment:%H:%M:%S}", mark, level)


class Console:
    """A text file that may be huge and still growing: its end, new lines, and earlier ones on demand.

    Unfinished lines are included; lines longer than a chunk are cut at its end. `where` returns the path, and is called
    at the first reading.
    """

    def __init__(self, where: Callable[[], Path]) -> None:
        self._where = where
        self._start = self._end = 0
        self._read = False
        self._earlier = 0

    @cached_property
    def _path(self) -> Path:
        return self._where()

    def newer(self) -> Iterator[Piece]:
        """Yield new lines: the end of the file at first, or if it was truncated or grew by more than a chunk.

        Raises:
            OSError: it cannot be read; FileNotFoundError if it does not exist.
        """
        with self._path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            anew = not self._read or not self._end <= size <= self._end + CHUNK
            if anew:
                self._start = self._end = _line_start(file.fileno(), max(0, size - CHUNK))
                self._earlier = _count_lines(file.fileno(), self._start)
            data = os.pread(file.fileno(), size - self._end, self._end)
        self._read = True
        whole, newline, rest = data.rpartition(b"\n")
        self._end += len(whole) + len(newline)
        lines = _printed(whole) if newline else []
        yield Piece("anew" if anew else "after", lines, _shown(rest), self._earlier)

    def older(self, lines: int = 1) -> Iterator[Piece]:
        """Yield earlier lines, chunk by chunk, until there are `lines` of them or the file begins.

        Raises:
            OSError: it cannot be read.
        """
        found = 0
        with self._path.open("rb") as file:
            while self._start and found < lines:
                begin = _line_start(file.fileno(), max(0, self._start - CHUNK), self._start)
                data = os.pread(file.fileno(), self._start - begin, begin)
                made = _printed(data.removesuffix(b"\n"))
                self._start = begin
                self._earlier = max(0, self._earlier - len(made)) if begin else 0
                found += len(made)
                yield Piece("before", made, earlier=self._earlier)


def _line_start(fd: int, at: int, end: int | None = None) -> int:
    """Offset of the first line that begins at `at` or later; `at` itself if none begins within a chunk."""
    if at == 0:
        return 0
    length = CHUNK if end is None else end - at
    newline = os.pread(fd, length, at - 1).find(b"\n")
    return at if newline < 0 else at + newline


def _count_lines(fd: int, end: int) -> int:
    size = 1 << 22
    return sum(os.pread(fd, min(size, end - at), at).count(b"\n") for at in range(0, end, size))


def _printed(data: bytes) -> list[Line]:
    return [Line(_shown(line)) for line in data.split(b"\n")]


def _shown(line: bytes) -> str:
    text = line[: 4 * LONGEST].decode(errors="replace").removesuffix("\r").expandtabs()
    return safe_text(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def _weight(event: Event) -> tuple[str, str]:
    """Mark and colour role of an event."""
    match event:
        case Warned() | Logged(level="warning"):
            return "!", "warn"
        case Logged(level="error"):
            return "✗", "bad"
        case RunFinished(status=status):
            return {"finished": ("✓", "good"), "stopped": ("■", "warn")}.get(status, ("✗", "bad"))
        case StageStarted() | RunStarted():
            return "▸", "accent"
        case StageFinished():
            return "✓", "good"
        case StageReused():
            return "↺", "good"
        case Logged():
            return " ", "muted"
    return " ", "text"
