"""Whether the process of a run is still there."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.runs.record import ACTIVE, RunRecord

DIES_WITHIN = 5.0
"""Seconds that the system is given to end a killed process."""
SILENT_AFTER = 60.0
"""Seconds without a heartbeat after which a run on another machine counts as gone."""


def this_host() -> str:
    """Name of this machine, as a run record holds it."""
    return os.uname().nodename


def here() -> dict[str, Any]:
    """What a record says of the process that runs it: `pid`, `pid_started` and `host` of this one."""
    return identity(os.getpid())


def identity(pid: int) -> dict[str, Any]:
    """What a record says of process `pid` of this machine."""
    import psutil

    return {"pid": pid, "pid_started": psutil.Process(pid).create_time(), "host": this_host()}


def process_alive(pid: int, started: float | None) -> bool:
    """Whether process `pid` of this machine exists and is the one that began at `started`.

    Args:
        pid: process id; it may have been given to another process since.
        started: when the process began, in seconds since 1970; None takes any process of that id.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        # Start times are counted in clock ticks, so they agree to a hundredth of a second or so.
        same = started is None or abs(process.create_time() - started) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run_alive(folder: Path, pid: int | None, started: float | None, host: str | None) -> bool:
    """Whether the process that a record names is there.

    Args:
        folder: the run's folder; on another machine the age of its heartbeat decides.
        pid: process of the run; None has no process.
        started: when that process began.
        host: its machine; None is this one.
    """
    if pid is None:
        return False
    if host in (None, this_host()):
        return process_alive(pid, started)
    # A run that has only just begun has written its record and no heartbeat yet.
    times = [path.stat().st_mtime for path in (folder / "heartbeat", folder / "run.json") if path.exists()]
    return bool(times) and time.time() - max(times) < SILENT_AFTER


def kill(record: RunRecord) -> None:
    """End the process of a run that does not answer a request to stop; the run is then `lost`, and can be resumed.

    The process gets no chance to write a checkpoint: the request to stop was the polite way. Where it leads a process
    group, as detached workers do, the group ends with it.

    Args:
        record: of the run, just read.

    Raises:
        InputError: no process works on the run, it is on another machine, it is this process, or it does not die.
    """
    import psutil

    name, pid = record.name, record.pid
    if record.status not in ACTIVE or pid is None:
        raise InputError(f"run '{name}' is {record.status}: there is no process to kill")
    if record.host not in (None, this_host()):
        raise InputError(f"run '{name}' works on {record.host}; kill process {pid} there")
    if pid == os.getpid():
        raise InputError(f"run '{name}' works in this very process; stop it, or leave the program")
    if record.pid_started is None or not process_alive(pid, record.pid_started):
        raise InputError(f"process {pid} of run '{name}' is gone; the run can be resumed")
    # The process is there now; psutil makes sure once more that it is not a later one of the same number.
    process = psutil.Process(pid)
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        try:
            if os.getpgid(pid) == pid != os.getpgrp():
                os.killpg(pid, signal.SIGKILL)
            else:
                process.kill()
        except (PermissionError, psutil.AccessDenied):
            raise InputError(f"process {pid} of run '{name}' belongs to another user; ask them to kill it") from None
    end = time.monotonic() + DIES_WITHIN
    while not _ended(pid, record.pid_started):
        if time.monotonic() > end:
            raise InputError(f"process {pid} of run '{name}' was killed and hangs in the system; look again later")
        time.sleep(0.01)


def _ended(pid: int, started: float) -> bool:
    """Whether nothing of a process is left: threads that outlive the first one still hold its locks."""
    import psutil

    if process_alive(pid, started):
        return False
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() <= 1
    except psutil.Error:
        return True
