"""Notifications at the end of a run: the user's settings, and the user's command (no torch).

In the settings file of the user:

    [notify]
    terminal = true                       # ring where a run is shown
    command = "ntfy publish my-topic"     # gets the run as JSON on standard input; words, or a list of them
"""

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.errors import InputError, nearest
from core.paths import expanded
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE, RunRecord
from experiments import subprocesses
from experiments.user_settings import read_toml, settings_path

ENDING = "experiments.ending"
"""Module of the process that reports the end of runs and sweeps."""
PATIENCE = 10.0
"""Seconds for the user's command."""


@dataclass(frozen=True, slots=True)
class Notify:
    """What happens when a run ends: whether a terminal that shows it rings, and the command, word by word."""

    terminal: bool = False
    command: tuple[str, ...] = ()


def read_notify(path: Path | None = None) -> Notify:
    """Read `[notify]` from the settings file; raises InputError if it is not valid."""
    path = path or settings_path()
    return checked_notify(read_toml(path).get("notify", {}), f"{path}, [notify]")


def checked_notify(table: object, where: str) -> Notify:
    """Check the content of `[notify]`.

    Raises:
        InputError: what is wrong, beginning with `where`.
    """
    if not isinstance(table, dict):
        raise InputError(f"{where}: must be a table, as in [notify]")
    for name in table:
        if name not in ("terminal", "command"):
            raise InputError(f"{where}: unknown setting '{name}'{nearest(name, ['terminal', 'command'])}")
    terminal = table.get("terminal", False)
    if not isinstance(terminal, bool):
        raise InputError(f"{where}: terminal must be true or false")
    return Notify(terminal, _words(table, where))


def tell(folder: RunFolder) -> None:
    """Run the user's command, if there is one, for a run that has ended, and for its sweep if that was the last one.

    A run that goes on in another process has not ended. Failures are only logged, with the run.
    """
    try:
        record, words = folder.settled(), read_notify().command
        if not words or record.status in ACTIVE:
            return
        failure = run_command(words, record.to_json(), {"PRUSC_HOME": str(folder.home.root)})
        if _may_end_a_sweep(folder.home, record):
            subprocesses.run(ENDING, "sweep", "--", record.tags[0], home=folder.home)
    except (InputError, OSError) as error:
        failure = str(error)
    if failure:
        folder.say(f"warning: no notification was sent: {failure}")


def tell_outside(home: Home, ids: Sequence[str]) -> None:
    """Report runs by another process, for callers that must not wait for the user's command."""
    with suppress(InputError, OSError):
        if read_notify().command:
            subprocesses.start(ENDING, "run", *ids, home=home, quiet=True)


def _may_end_a_sweep(home: Home, record: RunRecord) -> bool:
    """Whether no run with the same first tag, which may be that of a sweep, is queued or running.

    A sweep whose runs are made one after the other ends in the process that makes them.
    """
    if not record.tags or record.launcher == "local":
        return False
    return not any(run["status"] in ACTIVE for run in RunLog(home).all() if run["tags"][:1] == [record.tags[0]])


def run_command(words: tuple[str, ...], value: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Run a command, without a shell, with `value` as JSON on its standard input.

    It is killed after `PATIENCE` seconds, with all its processes.

    Returns:
        Why it failed; empty if it did not.
    """
    name = words[0]
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
    with tempfile.TemporaryFile() as said:  # a pipe would have to wait for everybody who holds its other end
        try:
            process = subprocess.Popen(
                [str(expanded(name)), *words[1:]] if name.startswith("~") else words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        except InputError as error:
            return str(error)
        except OSError as error:
            return f"{name} could not be started ({error.strerror})"
        try:
            process.communicate(text, PATIENCE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"{name} did not end within {PATIENCE:g} s"
        if process.returncode == 0:
            return ""
        said.seek(0)
        lines = said.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{name} ended with code {process.returncode}" + (f": {last}" if last else "")


def _words(table: Mapping[str, Any], where: str) -> tuple[str, ...]:
    command = table.get("command", [])
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise InputError(f"{where}: command = {command!r}: {error}") from None
    valid = isinstance(words, list) and all(isinstance(word, str) and word for word in words[:1])
    if not valid or not all(isinstance(word, str) for word in words) or ("command" in table and not words):
        raise InputError(f'{where}: command must be the words of a command, such as "ntfy publish my-topic"')
    return tuple(words)
