"""What a terminal says that it can draw, and that its answers are not taken for keys."""

import os
import pty
import select
import sys
import time

import pytest

from prusc_tui.protocols import SPEECHLESS, Terminal, ask, understood

XTERM = "\x1bP>|XTerm(379)\x1b\\\x1b[6;15;8t\x1b[?63;1;2;4;6;9;15;16;22;28c"
PROGRAM = """
import os, select, sys
from prusc_tui.protocols import ask
found = ask(float(sys.argv[1]))
left = select.select([0], [], [], 0.2)[0]
print("FOUND", found.protocol, found.colours, found.asked, "LEFT", bool(left), flush=True)
"""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (XTERM, Terminal("sixel", asked=(8, 15))),
        ("\x1bP>|XTerm(379)\x1b\\\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c", Terminal()),
        ("\x1bP>|kitty(0.41.1)\x1b\\\x1b[6;15;7t\x1b[?62;c", Terminal("kitty", True, asked=(7, 15))),
        ("\x1bP>|kitty(0.26.5)\x1b\\\x1b[?62;c", Terminal("kitty")),
        ("\x1bP>|ghostty 1.1.3\x1b\\\x1b[?62;22;52c", Terminal("kitty", True)),
        ("\x1bP>|WezTerm 20240203\x1b\\\x1b[?65;4;6;18;22c", Terminal("sixel")),
        ("\x1b[?62;4c", Terminal("sixel")),  # no name
        ("\x1b[?4;6c", Terminal()),  # of class 4
        ("", Terminal()),
    ],
)
def test_an_answer_is_understood(answer, expected):
    assert understood(answer) == expected


def asked(answers, patience):
    """A terminal that gives these answers, in turn, to questions about what it is; what the program says of it."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, str(patience)])
    said, due, until = b"", list(answers), time.monotonic() + 30
    try:
        while b"LEFT" not in said or not said.endswith(b"\n"):
            assert time.monotonic() < until, said
            if select.select([terminal], [], [], 0.1)[0]:
                said += os.read(terminal, 4096)
            if due and said.count(b"\x1b[c") > len(answers) - len(due):
                os.write(terminal, due.pop(0).encode())
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    return said.decode()


def test_the_answers_are_read_and_none_is_left_or_shown():
    said = asked([XTERM, "\x1b[?1;0;16S\x1b[?63;4c"], 20)
    assert "FOUND sixel 16 (8, 15) LEFT False" in said
    assert "XTerm" not in said  # echoed


def test_a_terminal_that_does_not_answer_gets_half_blocks():
    assert "FOUND blocks 255 (0, 0) LEFT False" in asked([], 0.1)


@pytest.mark.parametrize("term", SPEECHLESS)
def test_a_terminal_that_cannot_answer_is_not_asked(term, monkeypatch):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(os, "open", None)
    assert ask() == Terminal()
