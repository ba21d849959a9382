"""A program in a terminal of its own, without a screen: what it writes and when, what it answers, how big it is."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from time import clock_gettime, monotonic

import psutil


class Terminal:
    """Runs `command` on a pseudo-terminal of `columns` × `rows`.

    Python keeps its bytecode, as that of an installed program is kept, even if the environment forbids it.
    """

    def __init__(self, command, environment, columns=120, rows=40):
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._end, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.began = monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env={**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment},
        )
        os.close(inner)
        self.said = bytearray()

    def until(self, text, seconds=20.0):
        """Read until `text` has been said from now on; the seconds that it took since the start of the program."""
        begin, deadline = len(self.said), monotonic() + seconds
        while text.encode() not in self.said[begin:]:
            self._read(deadline)
        return monotonic() - self.began

    def silence(self, seconds=0.3):
        """Read until nothing has been said for so long."""
        last = monotonic()
        while monotonic() - last < seconds:
            if self._ready(0.02):
                self._read(monotonic() + 1)
                last = monotonic()

    def listen(self, seconds):
        """Number of bytes said in the next `seconds`."""
        begin, deadline = len(self.said), monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            if self._ready(left):
                self._read(deadline)
        return len(self.said) - begin

    def press(self, keys):
        """Send keys; the seconds until the program next says something."""
        while self._ready(0):
            self._read(monotonic() + 1)
        start = monotonic()
        os.write(self._end, keys.encode())
        self._read(start + 20)
        return monotonic() - start

    def send(self, keys):
        """Send keys, and read nothing of what the program says to them."""
        os.write(self._end, keys.encode())

    @property
    def cpu(self):
        """Seconds of CPU time of the program so far, to the nanosecond: its clock as in clock_getcpuclockid(3)."""
        return clock_gettime(~self.process.pid << 3 | 2)

    @property
    def resident(self):
        """Resident memory in bytes, of the program without its children."""
        return psutil.Process(self.process.pid).memory_info().rss

    def drop(self):
        """Take the terminal away without a word to the program."""
        if self._end is not None:
            os.close(self._end)
            self._end = None

    def close(self):
        """Hang up, and see the program end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGHUP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.drop()

    def _ready(self, seconds):
        return bool(select.select([self._end], [], [], max(0.0, seconds))[0])

    def _read(self, deadline):
        assert self._ready(deadline - monotonic()), f"nothing was said; the last was {bytes(self.said[-300:])!r}"
        self.said += os.read(self._end, 1 << 16)
