"""What the terminal can draw: it is asked, as names of terminals say little, and least over SSH."""

import contextlib
import os
import re
import select
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Protocol = Literal["kitty", "sixel", "blocks"]

PATIENCE = 2.0
"""Seconds to wait for an answer; every terminal gives one, and one that comes later would be taken for keys."""
SPEECHLESS = ("", "dumb", "linux")
"""Kinds of terminals that are not asked."""
WHO, CELL, WHAT, REGISTERS = "\x1b[>q", "\x1b[16t", "\x1b[c", "\x1b[?1;1;0S"
"""Questions: name and version, pixels of a cell, attributes (answered by all, so it is the last), colours of Sixel."""
END = re.compile(r"\x1b\[\?([\d;]*)c")
NAME = re.compile(r"\x1bP>\|([^\x1b]*)\x1b\\")
NAME_OF_TMUX = "\x1bP>|tmux"
SIZE = re.compile(r"\x1b\[6;(\d+);(\d+)t")
COLOURS = re.compile(r"\x1b\[\?1;0;(\d+)S")
SIXEL = "4"
"""The attribute of terminals that draw Sixel."""
MOST_COLOURS = 255
PLACING = (0, 28)
"""The first version of Kitty that shows pictures as text."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a terminal can draw.

    Attributes:
        protocol: of its pictures.
        placeholders: whether cells of text can show a picture (Kitty).
        colours: maximum number in a Sixel picture.
        asked: width and height of a cell in pixels, by its own account; 0 if it did not say.
    """

    protocol: Protocol = "blocks"
    placeholders: bool = False
    colours: int = MOST_COLOURS
    asked: tuple[int, int] = (0, 0)

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of a cell in pixels now, as the font may have changed; zeros if unknown."""
        import fcntl
        import termios

        with contextlib.suppress(OSError), _opened() as file:
            found = fcntl.ioctl(file, termios.TIOCGWINSZ, bytes(8))
            rows, columns, width, height = struct.unpack("HHHH", found)
            if rows and columns and width >= columns and height >= rows:
                return width // columns, height // rows
        return self.asked


def ask(patience: float = PATIENCE) -> Terminal:
    """Ask the terminal of this process; half blocks if there is none, or it does not answer.

    Keys that are pressed in these milliseconds are lost. Must not be called while something else reads the terminal.
    """
    import termios
    import tty

    if os.environ.get("TERM", "") in SPEECHLESS:
        return Terminal()
    with contextlib.suppress(OSError, termios.error), _opened() as file:
        if os.tcgetpgrp(file) != os.getpgrp():  # a process in the background is stopped if it touches the terminal
            return Terminal()
        before = termios.tcgetattr(file)
        try:
            tty.setcbreak(file, termios.TCSANOW)
            found = understood(answer := _answer(file, WHO + CELL + WHAT, patience))
            if found.protocol == "sixel":
                if NAME_OF_TMUX in answer and not _tmux_can():
                    return Terminal()
                if colours := COLOURS.search(_answer(file, REGISTERS + WHAT, patience)):
                    return Terminal("sixel", colours=min(MOST_COLOURS, int(colours[1])), asked=found.asked)
            return found
        finally:
            termios.tcsetattr(file, termios.TCSAFLUSH, before)  # flush: a late answer is no key
    return Terminal()


def understood(answer: str) -> Terminal:
    """What a terminal says in answer to `WHO`, `CELL` and `WHAT`."""
    name, size, end = NAME.search(answer), SIZE.search(answer), END.search(answer)
    asked = (int(size[2]), int(size[1])) if size else (0, 0)
    program = name[1].lower() if name else ""
    if program.startswith("kitty"):
        version = tuple(map(int, re.findall(r"\d+", program)[:2]))
        return Terminal("kitty", placeholders=version >= PLACING, asked=asked)
    if program.startswith("ghostty"):
        return Terminal("kitty", placeholders=True, asked=asked)
    # The first attribute is the class of the terminal.
    can = end is not None and SIXEL in end[1].split(";")[1:]
    return Terminal("sixel" if can else "blocks", asked=asked)


@contextlib.contextmanager
def _opened() -> Iterator[int]:
    file = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _answer(file: int, questions: str, patience: float) -> str:
    """Everything that the terminal sends until it has answered the last question."""
    os.write(file, questions.encode())
    text, until = "", time.monotonic() + patience
    while not END.search(text) and select.select([file], [], [], max(0.0, until - time.monotonic()))[0]:
        said = os.read(file, 1024)
        if not said:
            raise OSError("the terminal is gone")
        text += said.decode(errors="replace")
    return text


def _tmux_can() -> bool:
    """Whether the terminal outside of tmux is known to draw Sixel; else tmux draws a frame with its name."""
    if not os.environ.get("TMUX"):  # it is at the other end of an SSH connection
        return False
    words = ["tmux", "display-message", "-p", "#{client_termfeatures}"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return "sixel" in done.stdout.strip().split(",")
