"""Load of this machine: processors, memory, and GPUs through NVML (no torch)."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from core import gpu

T = TypeVar("T")

PATIENCE = 0.1
"""Seconds that a reading waits for the driver; a slower reading, as after a wake-up, is used next time."""


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU: memory in bytes, None if the driver does not report it."""

    pid: int
    memory: int | None


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: memory in bytes, utilisation in per cent of the time in which a kernel was running, °C and watts.

    Values that the driver does not report are None. `uuid` is without its prefix, as in torch.
    """

    index: int
    name: str
    utilisation: float | None
    memory_used: int
    memory_total: int
    temperature: float | None
    power: float | None
    uuid: str = ""
    processes: tuple[GpuProcess, ...] = ()

    @property
    def memory_free(self) -> int:
        """Bytes that are not in use."""
        return self.memory_total - self.memory_used


@dataclass(frozen=True, slots=True)
class Share:
    """Load of one process: `cpu` in per cent of one processor (200 is two of them), `memory` in bytes."""

    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class Machine:
    """One reading: `cpu` in per cent of all processors since the previous reading, memory in bytes.

    `memory_used` is not available to programs. There are no GPUs if the driver does not respond. `own` is the load of
    the monitored process.
    """

    cpu: float
    cores: int
    memory_used: int
    memory_total: int
    gpus: tuple[Gpu, ...] = ()
    own: Share | None = None


class Monitor:
    """Reads the load repeatedly; not thread-safe."""

    def __init__(self) -> None:
        self._processors: tuple[float, float] | None = None
        self._process: Any = None
        self._nvml = _Nvml()

    def read(self, pid: int | None = None) -> Machine:
        """Read the load of the machine, and that of process `pid`."""
        import psutil

        memory = psutil.virtual_memory()
        return Machine(
            cpu=self._cpu(),
            cores=os.cpu_count() or 1,
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            gpus=self._nvml.read(),
            own=None if pid is None else self._share(pid),
        )

    def _cpu(self) -> float:
        import psutil

        times = psutil.cpu_times()
        # On Linux, guest time is included in user time.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        now = total, total - times.idle - getattr(times, "iowait", 0.0)
        before, self._processors = self._processors, now
        if before is None or now[0] <= before[0]:
            # There is no previous reading yet: use the mean of the last minute.
            return min(100.0, 100 * os.getloadavg()[0] / (os.cpu_count() or 1))
        return min(100.0, max(0.0, 100 * (now[1] - before[1]) / (now[0] - before[0])))

    def _share(self, pid: int) -> Share | None:
        import psutil

        try:
            if self._process is None or self._process.pid != pid or not self._process.is_running():
                self._process = psutil.Process(pid)
            with self._process.oneshot():
                return Share(self._process.cpu_percent(), self._process.memory_info().rss)
        except psutil.Error:
            self._process = None
            return None


def gpus(patience: float = 10.0) -> tuple[Gpu, ...]:
    """The GPUs of this machine, read once; none if the driver does not answer within `patience` seconds."""
    return _Nvml(patience).read()


class _Nvml:
    """NVML, queried on its own thread, because the driver may take seconds to wake up or never respond."""

    def __init__(self, patience: float | None = None) -> None:
        self._patience = patience
        self._thread: threading.Thread | None = None
        self._library: Any = None
        self._absent = False
        self._last: tuple[Gpu, ...] = ()

    def read(self) -> tuple[Gpu, ...]:
        if self._absent:
            return ()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._ask, name="nvml", daemon=True)
            self._thread.start()
        self._thread.join(PATIENCE if self._patience is None else self._patience)
        return self._last

    def _ask(self) -> None:
        try:
            if self._library is None:
                self._library = gpu.nvml()
            self._last = tuple(_gpu(self._library, i) for i in range(self._library.nvmlDeviceGetCount()))
        except Exception:  # whatever NVML raises without a working driver
            self._last = ()
            # A missing driver does not appear while the program runs.
            self._absent = self._library is None


def _gpu(nvml: Any, index: int) -> Gpu:
    device = nvml.nvmlDeviceGetHandleByIndex(index)
    name = nvml.nvmlDeviceGetName(device)
    memory = nvml.nvmlDeviceGetMemoryInfo(device)

    def ask(value: Callable[[], T]) -> T | None:
        # Some values are unavailable on some devices, such as the utilisation of a MIG slice.
        with suppress(nvml.NVMLError, AttributeError):
            return value()
        return None

    uuid = ask(lambda: nvml.nvmlDeviceGetUUID(device)) or ""
    running = ask(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(device)) or ()

    return Gpu(
        index,
        name.decode() if isinstance(name, bytes) else name,
        ask(lambda: float(nvml.nvmlDeviceGetUtilizationRates(device).gpu)),
        int(memory.used),
        int(memory.total),
        ask(lambda: float(nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU))),
        ask(lambda: nvml.nvmlDeviceGetPowerUsage(device) / 1000),
        (uuid.decode() if isinstance(uuid, bytes) else uuid).removeprefix("GPU-"),
        tuple(GpuProcess(process.pid, process.usedGpuMemory) for process in running),
    )
