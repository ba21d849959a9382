"""How far a run has come, from the end of its stream: cheap for a stream of any length."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.events import Stamped, decode
from core.feed.fold import Fold

TAIL = 1 << 16
"""Bytes of a stream that are read at first; progress is told several times a second."""
_WANTED = (b'{"kind":"run-started"', b'{"kind":"stage-started"', b'{"kind":"stage-finished"', b'{"kind":"progress"')


@dataclass(frozen=True, slots=True)
class Beat:
    """How far a run is.

    Attributes:
        stage: at work, or the last one that was; empty before the first.
        step: steps of it done.
        total: its steps; 0 where they cannot be counted.
        left: seconds to its end at the present rate, counted from `said`; None where it cannot be told.
        said: when the last of these was said, in seconds since 1970.
    """

    stage: str = ""
    step: int = 0
    total: int = 0
    left: float | None = None
    said: float = 0.0

    @property
    def progress(self) -> float | None:
        """Share of the stage that is done; None where it cannot be counted."""
        return min(1.0, self.step / self.total) if self.total > 1 else None


class Pulse:
    """Follows the progress of one run, and nothing else of what it says."""

    def __init__(self, events: Path) -> None:
        self._path = events
        self._offset: int | None = None
        self._beat = Beat()
        self._fold = Fold()

    def look(self) -> Beat:
        """Read what is new; the very same object where nothing is."""
        try:
            file = self._path.open("rb")
        except OSError:
            return self._beat
        with file:
            news = list(self._news(file))
        for stamped in news:
            self._fold.add(stamped)
        if news:
            self._beat = self._progress()
        return self._beat

    def _news(self, file: BinaryIO) -> Iterator[Stamped]:
        if self._offset is None:
            self._offset = _tail(file)
        file.seek(self._offset)
        data = file.read()
        whole, newline, _ = data.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.split(b"\n"):
            if line.startswith(_WANTED) and (stamped := decode(line)) is not None:
                yield stamped

    def _progress(self) -> Beat:
        fold = self._fold
        if fold.current not in fold.stages:
            return Beat(said=fold.watch.last)
        stage = fold.stages[fold.current]
        left = 0.0 if stage.state == "done" else stage.rate.left(stage.total)
        return Beat(fold.current, stage.step, stage.total, left, fold.watch.last)


def _tail(file: BinaryIO) -> int:
    """Where the first whole line of the tail begins."""
    start = max(0, file.seek(0, 2) - TAIL)
    file.seek(start)
    return start + (len(file.readline()) if start else 0)  # most likely the end of a longer line
