"""Devices by name, and leases so that two processes never share a GPU by accident."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core import gpu, heap
from core.errors import InputError, Stopped
from core.runs.lease import Lease, gpu_lease, is_leased

if TYPE_CHECKING:
    import torch

LEASE_POLL = 0.5
"""Seconds between attempts to lease a device that another process holds."""
INHERITED = "PRUSC_LEASED"
"""Variable with the names of leases that a process has inherited, separated by commas: it need not take them."""

_exact = 0
"""Number of deterministic runs in this process."""
_exact_lock = threading.Lock()


def check_name(name: str) -> None:
    """Check the syntax of a device name; the device need not exist on this machine (no torch).

    Raises:
        InputError: the name is invalid.
    """
    if not re.fullmatch(r"auto|cpu(,cpu)*|cuda(:\d+)?|cuda:\d+(,cuda:\d+)+", name):
        several = ", or several GPUs, such as cuda:0,cuda:1" if "," in name else ""
        raise InputError(f"--device {name}: expected auto, cpu, cuda or cuda:N{several}")


def resolve(name: str) -> "torch.device":
    """Return the device for `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        InputError: the name is invalid, or the device does not exist.
    """
    check_name(name)
    if "," in name:
        raise InputError(f"--device {name}: only a run can use several devices; name one")
    import torch

    _set_workspace()  # before CUDA starts, as a later run in this process may be deterministic
    heap.keep_freed()
    count = gpu.count()
    if name == "cpu" or (name == "auto" and count == 0):
        return torch.device("cpu")
    index = int(name.partition(":")[2] or 0)
    if index >= count:
        found = "no CUDA device" if count == 0 else f"only {count} CUDA device{'s' * (count > 1)} (cuda:0 …)"
        raise InputError(f"--device {name}: this machine has {found}; use --device cpu or auto")
    return torch.device("cuda", index)


def pick(name: str, locks: Path) -> "torch.device":
    """Like `resolve`, but `auto` prefers a CUDA device that no other process has leased."""
    device = resolve(name)
    if name != "auto" or device.type == "cpu":
        return device
    import torch

    devices = [torch.device("cuda", index) for index in range(gpu.count())]
    return next((d for d in devices if _is_free(d, locks)), device)


def pick_all(name: str, locks: Path) -> "tuple[torch.device, ...]":
    """Like `resolve_all`, but `auto` prefers a CUDA device that no other process has leased."""
    return resolve_all(name) if "," in name else (pick(name, locks),)


def resolve_all(name: str) -> "tuple[torch.device, ...]":
    """Like `resolve`, for one device or several, separated by commas; `cpu,cpu` means two processes, for tests.

    Raises:
        InputError: as `resolve`; or a GPU is named twice, or they are not all of one kind.
    """
    check_name(name)
    devices = tuple(resolve(one) for one in name.split(","))
    if devices[0].type == "cuda":
        if len(set(devices)) < len(devices):
            raise InputError(f"--device {name}: names a device twice")
        if len(kinds := {gpu.name(device) for device in devices}) > 1:
            raise InputError(
                f"--device {name}: these are of different kinds ({', '.join(sorted(kinds))}); use equal ones"
            )
    return devices


@contextmanager
def lease_all(devices: "Sequence[torch.device]", locks: Path, give_up: Callable[[], bool]) -> Iterator[None]:
    """Lease all devices as `lease` does, always in the same order, so that two runs never wait for each other."""
    with ExitStack() as stack:
        for device in sorted(set(devices), key=lambda device: str(lease_of(device, locks))):
            stack.enter_context(lease(device, locks, give_up))
        yield


@contextmanager
def lease(device: "torch.device", locks: Path, give_up: Callable[[], bool]) -> Iterator[None]:
    """Lease `device` while the context is open: a GPU exclusively among all processes; the CPU is always free.

    The system releases the lock when the process ends, for whatever reason.

    Args:
        device: device to lease.
        locks: folder of the lock files.
        give_up: called while waiting for another process; returns whether to give up.

    Raises:
        Stopped: `give_up` returned true before the device was free.
    """
    path = lease_of(device, locks)
    if path is None or path.name in os.environ.get(INHERITED, "").split(","):
        yield
        return
    while (lease := Lease.take(path, note=f"process {os.getpid()}")) is None:
        if give_up():
            raise Stopped
        time.sleep(LEASE_POLL)
    try:
        yield
    finally:
        lease.release()


@contextmanager
def prepared(device: "torch.device", deterministic: bool) -> Iterator[None]:
    """Configure torch for a run on `device` while the context is open.

    Determinism is global in torch: as long as one run in this process is deterministic, all runs use the slower
    deterministic algorithms, also on other devices.
    """
    _set_workspace()
    wants = deterministic and device.type == "cuda"
    _change_exact(1 if wants else 0)
    try:
        yield
    finally:
        _change_exact(-1 if wants else 0)
        heap.release()


def _change_exact(by: int) -> None:
    import torch

    global _exact
    with _exact_lock:
        _exact += by
        torch.use_deterministic_algorithms(_exact > 0)
        torch.backends.cudnn.benchmark = _exact == 0


def _set_workspace() -> None:
    """Set the cuBLAS workspace that determinism needs; cuBLAS reads it once, at its first use."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def lease_of(device: "torch.device", locks: Path) -> Path | None:
    """The file whose lease is that of a GPU, by its UUID; None for the CPU."""
    if device.type == "cpu":
        return None
    return gpu_lease(locks, gpu.uuid(device))


def _is_free(device: "torch.device", locks: Path) -> bool:
    path = lease_of(device, locks)
    return path is None or not is_leased(path)


def describe() -> list[str]:
    """Descriptions of all devices of this machine, the CPU first."""
    try:
        import torch
    except ImportError:
        return ["unknown (torch is not installed)"]
    found = [f"cpu ({torch.get_num_threads()} threads)"]
    for index in range(gpu.count()):
        device = torch.device("cuda", index)
        found.append(f"{device} {gpu.name(device)} ({gpu.total_memory(device) / 2**30:.0f} GiB)")
    return found


def software(device: "torch.device", count: int = 1) -> dict[str, str]:
    """What computes on `count` devices like `device`: versions, the system, and the device by its full name."""
    import platform
    from importlib.metadata import version

    import torch

    cpu = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),  # not imported, as that is slow and few runs need it
        "numpy": version("numpy"),
        "system": platform.platform(),
        "device": f"{count} × " * (count > 1) + (gpu.name(device) if device.type == "cuda" else cpu),
    }
