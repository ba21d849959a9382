"""Progress of a run from the end of its stream: cheap for streams of any length."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.events import Stamped, decode
from core.feed.fold import Fold

TAIL = 1 << 16
"""Bytes read from the end of a stream at first; progress events come several times a second."""
_WANTED = (b'{"kind":"run-started"', b'{"kind":"stage-started"', b'{"kind":"stage-finished"', b'{"kind":"progress"')


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Progress of a run.

    Attributes:
        stage: current or last stage; empty before the first.
        step: completed steps of the stage.
        total: its steps; 0 if unknown.
        left: seconds from `time` to its end, as it expects; None if unknown.
        time: of the last event, in seconds since 1970.
    """

    stage: str = ""
    step: int = 0
    total: int = 0
    left: float | None = None
    time: float = 0.0

    @property
    def progress(self) -> float | None:
        """Completed share of the stage; None if unknown."""
        return min(1.0, self.step / self.total) if self.total > 1 else None


class ProgressReader:
    """Follows the progress of one run, and ignores its other events."""

    def __init__(self, events: Path) -> None:
        self._path = events
        self._offset: int | None = None
        self._last = RunProgress()
        self._fold = Fold()

    def look(self) -> RunProgress:
        """Read new events; returns the same object if there are none."""
        try:
            file = self._path.open("rb")
        except OSError:
            return self._last
        with file:
            events = list(self._new(file))
        for stamped in events:
            self._fold.add(stamped)
        if events:
            self._last = self._progress()
        return self._last

    def _new(self, file: BinaryIO) -> Iterator[Stamped]:
        if self._offset is None:
            self._offset = _tail(file)
        file.seek(self._offset)
        data = file.read()
        whole, newline, _ = data.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.split(b"\n"):
            if line.startswith(_WANTED) and (stamped := decode(line)) is not None:
                yield stamped

    def _progress(self) -> RunProgress:
        fold = self._fold
        if fold.current not in fold.stages:
            return RunProgress(time=fold.watch.last)
        stage = fold.stages[fold.current]
        left = None if stage.ends is None else max(0.0, stage.ends - fold.watch.last)
        return RunProgress(
            fold.current, stage.step, stage.total, 0.0 if stage.state == "done" else left, fold.watch.last
        )


def _tail(file: BinaryIO) -> int:
    """Offset of the first complete line of the tail."""
    start = max(0, file.seek(0, 2) - TAIL)
    file.seek(start)
    return start + (len(file.readline()) if start else 0)  # skips an incomplete line
