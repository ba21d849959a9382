"""Whether the process of a run is still there."""

import os
import time
from pathlib import Path
from typing import Any

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
