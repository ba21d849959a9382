"""Work in a separate process, so that its imports never enter this one."""

import os
import subprocess
import sys

from core.errors import InputError
from core.runs.home import Home

NICE = 10
"""Niceness of such work, relative to this process."""


def start(
    module: str, *words: str, home: Home | None = None, outlives: bool = True, quiet: bool = False
) -> "subprocess.Popen[str]":
    """Start `python -m module words`, in a session of its own if it `outlives` the terminal of this process.

    With `home` None, the environment is left as it is. With `quiet`, nobody reads what it prints.
    """
    sink = subprocess.DEVNULL if quiet else subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=os.environ | ({"PRUSC_HOME": str(home.root)} if home is not None else {}),
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=sink,
        text=True,
        errors="replace",
        start_new_session=outlives,
    )


def output_of(process: "subprocess.Popen[str]") -> str:
    """Wait for a process to end and return what it printed; InputError has the last line of its stderr."""
    out, errors = process.communicate()
    if process.returncode:
        lines = errors.strip().splitlines() or [f"it ended with code {process.returncode}"]
        raise InputError(lines[-1].removeprefix("error: "))
    return out


def run(module: str, *words: str, home: Home | None = None, nice: bool = False) -> str:
    """Run `python -m module words`, which outlives the terminal of this process, and return its output.

    With `nice`, it has low priority. Raises InputError if it cannot be started, or as
    `output_of`.
    """
    try:
        process = start(module, *words, home=home)
        if nice:
            os.setpriority(os.PRIO_PROCESS, process.pid, min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICE))
    except OSError as error:
        raise InputError(f"it could not be started ({error.strerror})") from None
    return output_of(process)
