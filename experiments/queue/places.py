"""Where jobs of the queue run: whole GPUs, shares of one, and slots of the CPU, each held by a lease (no torch)."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import machine
from core.engine.devices import INHERITED
from core.errors import InputError
from core.machine import Gpu
from core.runs.alive import this_host
from core.runs.lease import Lease, gpu_lease, machine_leases
from experiments.queue.entries import Content, Entry
from experiments.resources import Resources

OCCUPIED = 0.1
"""Share of the memory of a GPU in use from which it counts as occupied, as containers hide the processes of others."""
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Grant:
    """A place for one job.

    Attributes:
        leases: to be inherited by its worker.
        places: names of what is leased: UUIDs of GPUs, or slots of the CPU.
        device: as the worker is told: `cpu`, or the visible GPUs by number.
        environment: variables of the worker.
    """

    leases: tuple[Lease, ...]
    places: tuple[str, ...]
    device: str
    environment: Mapping[str, str]

    def release(self) -> None:
        """End the leases in this process; the worker keeps them."""
        for lease in self.leases:
            lease.release()


def cpu_slots(content: Content, cores: int | None = None) -> tuple[int, int]:
    """Number of jobs on the CPU at once and the threads of each: as set, else one thread on up to 4 cores, or 4."""
    cores = cores or os.cpu_count() or 1
    threads = content.threads or (1 if cores <= 4 else 4)
    return content.slots or max(1, cores // threads), threads


class Places:
    """The places of this machine.

    Args:
        slots: folder for the leases of the CPU.
        gpus: reads the GPUs, with their processes and memory.
    """

    def __init__(self, slots: Path, gpus: Callable[[], tuple[Gpu, ...]] = machine.gpus) -> None:
        self._slots = slots
        self._read = gpus
        self._gpus: tuple[Gpu, ...] = ()
        self.look()

    def look(self) -> None:
        """Read the GPUs again."""
        self._gpus = self._read()

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        """The GPUs as they were read last."""
        return self._gpus

    def on_gpu(self, device: str, resources: Resources) -> bool:
        """Whether a job takes a GPU rather than a slot of the CPU."""
        if resources.gpus is not None or resources.gpu_memory is not None:
            return resources.gpus != 0
        return device != "cpu" and (device != "auto" or bool(self._gpus))

    def check(self, device: str, resources: Resources) -> None:
        """Make sure that a job can run here at some time; raises InputError if not."""
        if ":" in device:
            raise InputError(f"--device {device}: the queue chooses the GPU; use --device cuda, cpu or auto")
        if not self.on_gpu(device, resources):
            return
        wanted, there = resources.gpus or 1, len(self._gpus)
        if device == "cpu":
            raise InputError("--device cpu: cannot be combined with --gpus or --gpu-memory")
        if wanted > there:
            found = f"only {there} GPU{'s' * (there > 1)}" if there else "no GPU"
            raise InputError(f"--gpus {wanted}: this machine has {found}")
        largest = max(gpu.memory_total for gpu in self._gpus) / GIB
        if resources.gpu_memory is not None and resources.gpu_memory > largest:
            raise InputError(f"--gpu-memory {resources.gpu_memory:g}: the largest GPU here has {largest:.0f} GiB")

    def take(self, entry: Entry, content: Content, running: Sequence[tuple[Entry, int | None]]) -> Grant | None:
        """Lease a place for a job; None if there is none at the moment.

        Args:
            entry: the job.
            content: the queue, for the slots of the CPU.
            running: jobs that have started, each with its process.
        """
        if not self.on_gpu(entry.device, entry.resources):
            return self._take_cpu(entry, content)
        if entry.resources.gpu_memory is not None:
            return self._share_gpu(entry, entry.resources.gpu_memory, running)
        return self._take_gpus(entry)

    def _take_cpu(self, entry: Entry, content: Content) -> Grant | None:
        slots, threads = cpu_slots(content)
        own = entry.resources.threads or threads
        wanted = min(slots, math.ceil(own / threads))
        leases: list[Lease] = []
        for number in range(slots):
            path = self._slots / f"{this_host()}-cpu-{number}.lock"
            if len(leases) < wanted and (lease := Lease.take(path, note=entry.run)) is not None:
                leases.append(lease)
        if len(leases) < wanted:
            for lease in leases:
                lease.release()
            return None
        places = tuple(lease.path.stem.removeprefix(f"{this_host()}-") for lease in leases)
        return Grant(tuple(leases), places, "cpu", _threads(own))

    def _take_gpus(self, entry: Entry) -> Grant | None:
        wanted = entry.resources.gpus or 1
        free = sorted((gpu for gpu in self._gpus if not _is_occupied(gpu)), key=lambda gpu: -gpu.memory_free)
        taken: list[tuple[Gpu, Lease]] = []
        for gpu in free:
            if len(taken) < wanted:
                lease = Lease.take(gpu_lease(machine_leases(), gpu.uuid), note=entry.run)
                if lease is not None:
                    taken.append((gpu, lease))
        if len(taken) < wanted:
            for _, lease in taken:
                lease.release()
            return None
        return self._grant(entry, taken)

    def _share_gpu(self, entry: Entry, wanted: float, running: Sequence[tuple[Entry, int | None]]) -> Grant | None:
        free = {gpu.uuid: gpu.memory_free - _promised(gpu, running) for gpu in self._gpus}
        for gpu in sorted(self._gpus, key=lambda gpu: -free[gpu.uuid]):
            if free[gpu.uuid] >= wanted * GIB:
                lease = Lease.take(gpu_lease(machine_leases(), gpu.uuid), shared=True, note=entry.run)
                if lease is not None:
                    return self._grant(entry, [(gpu, lease)])
        return None

    def _grant(self, entry: Entry, taken: Sequence[tuple[Gpu, Lease]]) -> Grant:
        uuids = tuple(gpu.uuid for gpu, _ in taken)
        threads = entry.resources.threads or max(1, (os.cpu_count() or 1) // max(1, len(self._gpus)))
        environment = {
            "CUDA_VISIBLE_DEVICES": ",".join(f"GPU-{uuid}" for uuid in uuids),
            INHERITED: ",".join(lease.path.name for _, lease in taken),
            **_threads(threads),
        }
        device = ",".join(f"cuda:{number}" for number in range(len(taken)))
        return Grant(tuple(lease for _, lease in taken), uuids, device, environment)


def _threads(number: int) -> dict[str, str]:
    # Threads that spin while they wait make several jobs on one machine many times slower.
    return {"OMP_NUM_THREADS": str(number), "MKL_NUM_THREADS": str(number), "OMP_WAIT_POLICY": "PASSIVE"}


def _is_occupied(gpu: Gpu) -> bool:
    return bool(gpu.processes) or gpu.memory_used > OCCUPIED * gpu.memory_total


def _promised(gpu: Gpu, running: Sequence[tuple[Entry, int | None]]) -> float:
    """Bytes of a GPU that jobs have asked for but not taken yet."""
    used = {process.pid: process.memory or 0 for process in gpu.processes}
    return sum(
        max(0.0, (entry.resources.gpu_memory or 0.0) * GIB - used.get(pid or 0, 0))
        for entry, pid in running
        if gpu.uuid in entry.places
    )
