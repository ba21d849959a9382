"""Devices by name, and leases on them, so that two processes never share a GPU by accident."""

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from core.errors import InputError, Stopped

if TYPE_CHECKING:
    import torch

LEASE_POLL = 0.5
"""Seconds between tries for a device that another process holds."""

_exact = 0
"""Runs of this process that want the same bits every time."""
_exact_lock = threading.Lock()


def check_name(name: str) -> None:
    """Make sure that a name is one that devices have, whether or not this machine has that device (no torch).

    Raises:
        InputError: it is not.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise InputError(f"--device {name}: expected auto, cpu, cuda or cuda:N")


def resolve(name: str) -> "torch.device":
    """Return the device that `auto`, `cpu`, `cuda` or `cuda:N` names on this machine.

    Raises:
        InputError: the name is none of these, or the device is not there.
    """
    check_name(name)
    import torch

    _set_workspace()  # before CUDA starts, as a later run in this process may be a deterministic one
    count = torch.cuda.device_count()
    if name == "cpu" or (name == "auto" and count == 0):
        return torch.device("cpu")
    index = int(name.partition(":")[2] or 0)
    if index >= count:
        found = "no CUDA device" if count == 0 else f"only {count} CUDA device{'s' * (count > 1)} (cuda:0 …)"
        raise InputError(f"--device {name}: this machine has {found}; use --device cpu or auto")
    return torch.device("cuda", index)


def pick(name: str, locks: Path) -> "torch.device":
    """Like `resolve`, but `auto` takes the first CUDA device that no other process has leased, if there is one."""
    device = resolve(name)
    if name != "auto" or device.type == "cpu":
        return device
    import torch

    devices = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return next((d for d in devices if _is_free(d, locks)), device)


@contextmanager
def lease(device: "torch.device", locks: Path, give_up: Callable[[], bool]) -> Iterator[None]:
    """Hold `device` while the context is open; a GPU is held across processes, the CPU is free for all.

    The lock is released by the system when its process dies, however it dies.

    Args:
        device: what to hold.
        locks: folder of the lock files.
        give_up: asked between tries while another process holds the device.

    Raises:
        Stopped: `give_up` said so before the device was free.
    """
    lock = _lock(device, locks)
    if lock is None:
        yield
        return
    while True:
        try:
            lock.acquire(timeout=LEASE_POLL)
            break
        except Timeout:
            if give_up():
                raise Stopped from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def prepared(device: "torch.device", deterministic: bool) -> Iterator[None]:
    """Have torch work as a run on `device` asks for, while the context is open.

    Torch knows one way for the whole process: as long as one run wants the same bits every time, all of them, on other
    devices too, get slower algorithms that give them.
    """
    _set_workspace()
    wants = deterministic and device.type == "cuda"
    _change_exact(1 if wants else 0)
    try:
        yield
    finally:
        _change_exact(-1 if wants else 0)


def _change_exact(by: int) -> None:
    import torch

    global _exact
    with _exact_lock:
        _exact += by
        torch.use_deterministic_algorithms(_exact > 0)
        torch.backends.cudnn.benchmark = _exact == 0


def _set_workspace() -> None:
    """Ask cuBLAS for a workspace with which it can give the same bits; it reads this once, at its first product."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def _lock(device: "torch.device", locks: Path) -> FileLock | None:
    if device.type == "cpu":
        return None
    import torch

    identity = str(getattr(torch.cuda.get_device_properties(device), "uuid", device.index))
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{socket.gethostname()}-gpu-{identity}.lock", thread_local=False)


def _is_free(device: "torch.device", locks: Path) -> bool:
    lock = _lock(device, locks)
    if lock is None:
        return True
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    lock.release()
    return True


def describe() -> list[str]:
    """Every device of this machine in words, the CPU first."""
    try:
        import torch
    except ImportError:
        return ["unknown (torch is not installed)"]
    found = [f"cpu ({torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(f"cuda:{index} {properties.name} ({properties.total_memory / 2**30:.0f} GiB)")
    return found
