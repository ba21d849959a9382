"""The picture that `prusc watch` keeps in the shell, read by a small terminal of our own."""

import io
import re
import sys

import pytest
from rich.console import Console
from rich.text import Text

from prusc_tui.cli.live import LivePicture

PIECE = re.compile(r"\x1b\[\??(\d*)(?:;\d+)*([A-Za-z])|(\r)|(\n)|([^\x1b\r\n])")


class Terminal:
    """Rows of text; a line feed goes to the first column as on a tty, and a full row waits before it wraps."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.rows = [""] * height
        self.y = self.x = 0

    def feed(self, text):
        for number, code, cr, lf, letter in PIECE.findall(text):
            if cr:
                self.x = 0
            elif lf:
                self.x = 0
                self.y += 1
                if self.y == self.height:
                    self.rows, self.y = [*self.rows[1:], ""], self.height - 1
            elif letter:
                assert self.x < self.width, "a line was longer than the terminal is wide"
                row = self.rows[self.y].ljust(self.x)
                self.rows[self.y] = row[: self.x] + letter + row[self.x + 1 :]
                self.x += 1
            elif code == "A":
                self.y -= int(number)
                assert self.y >= 0
            elif code == "K":
                # A cursor that waits at the end of a full row stands on its last cell.
                self.rows[self.y] = self.rows[self.y][: min(self.x, self.width - 1)]
            elif code == "J":
                keep = self.y + 1 if number == "" else 0
                self.rows[self.y] = self.rows[self.y][: self.x]
                self.rows = self.rows[:keep] + [""] * (self.height - keep)
            elif code == "H":
                self.x = self.y = 0


@pytest.fixture
def screen():
    """A terminal of 20 × 8 that shows a prompt, and a console that writes to it."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=20, height=8)
    terminal = Terminal(20, 8)
    terminal.feed("$ prusc watch\n")

    def seen():
        terminal.feed(file.getvalue())
        file.seek(0)
        file.truncate()
        return [row.rstrip() for row in terminal.rows]

    return console, seen


def lines(*texts):
    return [Text(text.ljust(20)) for text in texts]


def test_lines_change_in_place_however_many_there_are(screen):
    console, seen = screen
    with LivePicture(console) as picture:
        for texts in (["a", "b"], ["a", "c"], ["x", "c", "d", "e"], ["x"], ["x", "y", "z"], list("1234567"), ["q"]):
            picture.show(lines(*texts))
            rows = seen()
            # A prompt that was pushed out at the top is gone for good.
            assert [row for row in rows if row and row != "$ prusc watch"] == texts
    assert [row for row in seen() if row] in ([], ["$ prusc watch"])


def test_full_lines_keep_their_last_character(screen):
    console, seen = screen
    with LivePicture(console) as picture:
        for letter in "abc":
            picture.show(lines(letter * 20, "-" * 20))
            assert seen()[1:3] == [letter * 20, "-" * 20]


def test_only_what_changed_is_written(screen):
    console, seen = screen
    with LivePicture(console) as picture:
        picture.show(lines("first", "second", "third"))
        seen()
        picture.show(lines("first", "second", "third"))
        assert console.file.getvalue() == ""
        picture.show(lines("first", "SECOND", "third"))
        assert "SECOND" in console.file.getvalue()
        assert "first" not in console.file.getvalue()
        assert seen()[1:4] == ["first", "SECOND", "third"]


def test_a_terminal_of_another_size_is_drawn_anew(screen):
    console, seen = screen
    with LivePicture(console) as picture:
        picture.show(lines("first", "second"))
        console.size = (20, 6)
        picture.show(lines("first", "second"))
        assert seen()[:3] == ["first", "second", ""]


def test_what_is_said_aside_stands_below_and_is_said_in_full_at_the_end(screen, capsys):
    console, seen = screen
    with LivePicture(console) as picture:
        picture.show(lines("first"))
        sys.stderr.write("\nstopping at the next step\n")
        picture.show(lines("first"))
        assert seen()[1:3] == ["first", "stopping at the nex"]
    assert capsys.readouterr().err == "\nstopping at the next step\n"
