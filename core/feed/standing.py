"""The events of a run that still stand: without those that a stage wrote again when it was resumed."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import orjson

from core.events import Event, StageStarted, Stamped
from core.runs.stream import EventReader

_START = b'{"kind":"stage-started"'


class StandingEvents:
    """Reads a stream without the events that a later start of their stage replaces.

    A stage that continues at step s repeats the steps after s; one that starts over repeats all of them. Later starts
    are those in the stream when the reader is made: whatever is written afterwards is taken as it comes.
    """

    def __init__(self, path: Path) -> None:
        self._later = _starts(path)
        self._reader = EventReader(path)

    def read(self) -> Iterator[Stamped]:
        """Yield the standing events since the last call."""
        for chunk in self._reader.chunks():
            yield from (stamped for stamped in chunk if self._stands(stamped.event))

    def _stands(self, event: Event) -> bool:
        later = self._later.get(getattr(event, "stage", ""))
        if not later:
            return True
        if isinstance(event, StageStarted):
            later.popleft()
            return True
        if getattr(event, "final", False):
            return False
        step = getattr(event, "step", None)
        return step is None or all(0 < start >= step for start in later)


def _starts(path: Path) -> dict[str, deque[int]]:
    """Stage → the steps at which it started, in the order of the stream."""
    found: dict[str, deque[int]] = {}
    try:
        with path.open("rb") as file:
            lines = [orjson.loads(line) for line in file if line.startswith(_START) and line.endswith(b"\n")]
    except FileNotFoundError:
        return found
    for line in lines:
        found.setdefault(line["stage"], deque()).append(line.get("start", 0))
    return found
