"""The stream of a run: one writer appends complete lines, any number of readers follow."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from core.events import Event, Stamped, decode, encode

SYNC_EVERY = 1.0
"""Maximum seconds between two syncs to disk while events are written."""

LONGEST = 1 << 24
"""Bytes of a line above which it is no event: it is skipped without being kept in memory."""
_CHUNK = 1 << 14
"""Bytes read at a time. With more events in memory at once, garbage collection takes longer than everything else."""


class EventWriter:
    """Appends events to a stream; written events survive a kill of the process. Thread-safe.

    If a killed process has left an incomplete line, the next event starts on a new line.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        size = os.fstat(self._fd).st_size
        self._torn = size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"
        self._lock = threading.Lock()
        self._synced = time.monotonic()

    def write(self, event: Event, t: float | None = None) -> None:
        """Append one event, with time `t` in seconds since 1970 or now.

        Raises OSError if the disk is full; the next event starts on a new line.
        """
        line = encode(event, time.time() if t is None else t)
        with self._lock:
            left = memoryview(b"\n" + line if self._torn else line)
            self._torn = True
            # One call writes everything unless the disk is full; the next call then raises the error.
            while left:
                left = left[os.write(self._fd, left) :]
            self._torn = False
            if time.monotonic() - self._synced >= SYNC_EVERY:
                self._sync()

    def sync(self) -> None:
        """Sync all events to disk, so that they survive a power failure."""
        with self._lock:
            self._sync()

    def close(self) -> None:
        """Sync and close; a second call does nothing."""
        with self._lock:
            if self._fd >= 0:
                self._sync()
                os.close(self._fd)
                self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sync(self) -> None:
        os.fsync(self._fd)
        self._synced = time.monotonic()


class EventReader:
    """Reads a stream that may still be written: each call returns new, complete events."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._skips = False  # the offset is inside a line that is too long

    def read(self) -> list[Stamped]:
        return [stamped for chunk in self.chunks() for stamped in chunk]

    def chunks(self) -> Iterator[list[Stamped]]:
        """Yield the events since the last call, some kilobytes at a time to limit memory."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self._offset)
            rest: list[bytes] = []  # pieces of an unfinished line
            while data := file.read(_CHUNK):
                if self._skips:
                    skipped, newline, data = data.partition(b"\n")
                    self._offset += len(skipped) + len(newline)
                    if not newline:
                        continue
                    self._skips = False
                whole, newline, end = data.rpartition(b"\n")
                if newline:
                    lines = b"".join([*rest, whole])
                    self._offset += len(lines) + 1
                    stamped = [decode(line) for line in lines.split(b"\n") if len(line) <= LONGEST]
                    yield [item for item in stamped if item is not None]
                    rest = []
                rest.append(end)
                if len(rest) * _CHUNK > LONGEST:
                    self._offset += sum(map(len, rest))
                    self._skips, rest = True, []
