"""Check whether the process of a run is alive, and kill it."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs.record import ACTIVE, RunRecord

if TYPE_CHECKING:
    import psutil

DIES_WITHIN = 5.0
"""Seconds to wait for the end of a killed process."""
SILENT_AFTER = 60.0
"""Seconds without a heartbeat after which a run on another machine counts as dead."""
_SINCE_1970 = 1e9
"""Times before this one are counted from the start of the machine: none has been up for 31 years."""


def this_host() -> str:
    """Name of this machine, as in run records."""
    return os.uname().nodename


def here() -> dict[str, Any]:
    """Fields of a record for this process: `pid`, `pid_started` and `host`."""
    return identity(os.getpid())


def identity(pid: int) -> dict[str, Any]:
    """Fields of a record for process `pid` of this machine."""
    import psutil

    return {"pid": pid, "pid_started": _since_boot(psutil.Process(pid)), "host": this_host()}


def process_alive(pid: int, started: float | None) -> bool:
    """Whether process `pid` of this machine exists and was started at `started`, or at any time for None.

    `started` is in seconds since the machine was booted, as a clock that is set does not change them; earlier versions
    recorded seconds since 1970.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        # Start times are counted in clock ticks, so they agree to about a hundredth of a second.
        if started is None:
            same = True
        elif started < _SINCE_1970:
            same = abs(_since_boot(process) - started) < 1.0
        else:
            same = abs(process.create_time() - started) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):  # or no process can have this number
        return False


def run_alive(folder: Path, pid: int | None, started: float | None, host: str | None) -> bool:
    """Whether the process of a record is alive; on another machine, the age of the heartbeat decides.

    Without a `pid` there is no process; without a `host` it is on this machine.
    """
    if pid is None:
        return False
    if host in (None, this_host()):
        return process_alive(pid, started)
    # A run that has just started has written its record, but no heartbeat yet.
    times = [path.stat().st_mtime for path in (folder / "heartbeat", folder / "run.json") if path.exists()]
    return bool(times) and time.time() - max(times) < SILENT_AFTER


def gone(folder: Path, record: RunRecord) -> bool:
    """Whether a run, given by its folder and record, is active but its process no longer exists.

    A queued run without a process is not gone: it waits for one.
    """
    if record.status not in ACTIVE or (record.status == "queued" and record.pid is None):
        return False
    return not run_alive(folder, record.pid, record.pid_started, record.host)


def kill(record: RunRecord) -> None:
    """Kill the process of a run that does not respond to a stop request; the run is then `lost` and can be resumed.

    The process cannot write a checkpoint first. If it leads a process group, as detached workers do, the whole group is
    killed. Raises InputError if the run has no process, it is on another machine, it is this process, or it does not
    end.
    """
    import psutil

    name, pid = record.name, record.pid
    if record.status not in ACTIVE or pid is None:
        raise InputError(f"run '{name}' is {record.status}: there is no process to kill")
    if record.host not in (None, this_host()):
        raise InputError(f"run '{name}' runs on {record.host}; kill process {pid} there")
    if pid == os.getpid():
        raise InputError(f"run '{name}' runs in this process; stop it, or quit the program")
    if record.pid_started is None or not process_alive(pid, record.pid_started):
        raise InputError(f"process {pid} of run '{name}' no longer exists; the run can be resumed")
    # psutil checks once more that the process is not a later one with the same id.
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
            raise InputError(f"process {pid} of run '{name}' was killed but has not ended yet; check again later")
        time.sleep(0.01)


def _since_boot(process: "psutil.Process") -> float:
    """When a process was started, in seconds since the machine was booted."""
    import psutil

    return process.create_time() - psutil.boot_time()


def _ended(pid: int, started: float) -> bool:
    """Whether a process has ended completely: threads that outlive the main thread still hold its locks."""
    import psutil

    if process_alive(pid, started):
        return False
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() <= 1
    except psutil.Error:
        return True
