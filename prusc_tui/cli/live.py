"""A picture in the shell that changes in place: only the lines that changed are sent."""

import sys
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.text import Text

UP, CLEAR_LINE, CLEAR_BELOW = "\x1b[{}A", "\x1b[K", "\x1b[J"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class LivePicture:
    """Lines at the end of the terminal, rewritten where they differ, and removed at the end.

    Output to stderr would tear the picture: its last line is shown below, and all of it is written at the end.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._lines: list[str] = []
        self._size = (0, 0)
        self._aside = StringIO()
        self._stderr: TextIO | None = None

    def __enter__(self) -> Self:
        self._stderr, sys.stderr = sys.stderr, self._aside
        self._write(HIDE_CURSOR)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        assert self._stderr is not None
        sys.stderr = self._stderr
        self._write(_move(len(self._lines) - 1, 0) + CLEAR_BELOW + SHOW_CURSOR)
        sys.stderr.write(self._aside.getvalue())

    @property
    def room(self) -> tuple[int, int]:
        """Columns and lines for the picture; the last line is for the cursor and for stderr."""
        width, height = self._console.size
        return width, max(1, height - 1)

    def show(self, lines: "Sequence[Text]") -> None:
        """Change the picture to these lines, none wider than `room`."""
        aside = self._aside.getvalue().strip().rpartition("\n")[2]
        new = [*map(self._drawn, lines[: self.room[1]]), aside[: self.room[0] - 1]]
        size = self._console.size
        if size != self._size:
            # A resized terminal has moved the old lines: start again on a cleared screen.
            out = "\x1b[H\x1b[2J" if self._lines else ""
            out += "\n".join(new)
            self._size = size
        else:
            out = self._changes(new)
        self._lines = new
        self._write(out)

    def _changes(self, new: list[str]) -> str:
        """Codes that turn the old lines into the new ones; the cursor starts and ends on the last line."""
        old, at, out = self._lines, len(self._lines) - 1, ""
        for row, line in enumerate(new):
            if row < len(old) and old[row] == line:
                continue
            # Cleared before writing: after a line of full width the cursor is still on its last character.
            out += _move(at, row) + CLEAR_LINE + line
            at = row
        out += _move(at, len(new) - 1) if at != len(new) - 1 else ""
        return out + ("\r" + CLEAR_BELOW + new[-1] if len(new) < len(old) else "")

    def _drawn(self, line: "Text") -> str:
        with self._console.capture() as capture:
            self._console.print(line, end="", no_wrap=True, overflow="crop", crop=True)
        return capture.get()

    def _write(self, text: str) -> None:
        if text:
            self._console.file.write(text)
            self._console.file.flush()


def _move(row: int, to: int) -> str:
    """Codes from one line to the start of another; line feeds create missing lines."""
    return (UP.format(row - to) if to < row else "\n" * (to - row)) + "\r"
