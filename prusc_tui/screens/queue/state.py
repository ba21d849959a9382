"""What the queue screen shows, read from the queue, the index of runs and the drivers."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.machine import Gpu, GpuProcess, Machine, Monitor
from core.runs.disk import Signature, settled, signature
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE
from experiments.queue import control
from experiments.queue.control import Job, QueueView
from experiments.queue.entries import Queue
from experiments.queue.places import OCCUPIED

READ_AGAIN = 5
"""Looks after which the queue is read again even if its file is unchanged, as processes may have ended."""


@dataclass(frozen=True, slots=True)
class Occupant:
    """What uses a device: a run of ours, or the process of someone else; `since` in seconds since 1970."""

    what: str
    since: float | None = None
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU or the CPU: memory in bytes, utilisation in per cent, temperature in °C; None if unknown.

    Attributes:
        what: such as `GPU 0`.
        name: of the model.
        free: in words, if something of it is free.
    """

    what: str
    name: str
    memory_used: int
    memory_total: int
    utilisation: int | None
    temperature: int | None
    occupants: tuple[Occupant, ...] = ()
    free: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The queue and the devices at a moment.

    Attributes:
        view: the queue.
        devices: GPUs, then the CPU.
        places: name of a leased place → how it is shown.
        now: seconds since 1970, while anything is running.
    """

    view: QueueView
    devices: tuple[Device, ...]
    places: Mapping[str, str]
    now: int


class Looker:
    """Reads the state repeatedly, on one thread.

    Args:
        home: with queue and runs.
        clock: returns seconds since 1970.
        machine: reads the load of this machine.
    """

    def __init__(
        self, home: Home, clock: Callable[[], float] = time.time, machine: Callable[[], Machine] | None = None
    ) -> None:
        self._home = home
        self._clock = clock
        self._machine = machine or Monitor().read
        self._log = RunLog(home, clock)
        self._signatures: tuple[Signature | None, ...] = ()
        self._looks = 0
        self._view = QueueView((), 1, 1, False)
        self._at_work: dict[int, Mapping[str, Any]] = {}
        self._owners: dict[int, tuple[str, float | None]] = {}
        self._state: State | None = None

    def look(self) -> State:
        """Read again; the same object if nothing changed. Raises InputError if the queue cannot be read."""
        signatures = signature(Queue(self._home).path), signature(self._home.index)
        if signatures != self._signatures or self._looks % READ_AGAIN == 0:
            self._signatures = signatures if all(sign is None or settled(sign) for sign in signatures) else ()
            view = control.look(self._home, self._log)
            self._view = self._view if view == self._view else view
            runs = self._log.all() if self._home.index.exists() else []
            self._at_work = {run["pid"]: run for run in runs if run["status"] in ACTIVE and run["pid"] is not None}
        self._looks += 1
        machine = self._machine()
        devices = (*(self._gpu(gpu) for gpu in machine.gpus), self._cpu(machine))
        self._forget_owners(machine.gpus)
        ticking = any(occupant.since is not None for device in devices for occupant in device.occupants)
        places = {gpu.uuid: f"GPU {gpu.index}" for gpu in machine.gpus}
        state = State(self._view, devices, places, int(self._clock()) if ticking else 0)
        known = self._state
        if known is None or state != known:
            known = self._state = state
        return known

    def move(self, run: str, to: int) -> None:
        """Move a job that waits to place `to`, from any thread; raises InputError if it has started meanwhile."""
        control.move(self._home, run, to, self._log)

    def again(self) -> None:
        """Have the next look return a new state, from any thread."""
        self._signatures, self._state = (), None

    @property
    def _running(self) -> Sequence[Job]:
        return [job for job in self._view.jobs if job.state == "running"]

    def _gpu(self, gpu: Gpu) -> Device:
        jobs = [job for job in self._running if gpu.uuid in job.entry.places]
        known = {job.run["pid"] for job in jobs}
        occupants = [Occupant(str(job.run["name"]), job.entry.started) for job in jobs]
        occupants += [self._process(process) for process in gpu.processes if process.pid not in known]
        free = "" if occupants else "free"
        if free and gpu.memory_used > OCCUPIED * gpu.memory_total:
            free, occupants = "", [Occupant("in use by others", ours=False)]
        return Device(
            f"GPU {gpu.index}",
            gpu.name.removeprefix("NVIDIA "),
            gpu.memory_used,
            gpu.memory_total,
            _whole(gpu.utilisation),
            _whole(gpu.temperature),
            tuple(occupants),
            free,
        )

    def _cpu(self, machine: Machine) -> Device:
        jobs = [job for job in self._running if any(place.startswith("cpu-") for place in job.entry.places)]
        occupants = [Occupant(f"{' '.join(job.entry.places)} {job.run['name']}", job.entry.started) for job in jobs]
        free = self._view.slots - sum(len(job.entry.places) for job in jobs)
        words = f"{free} of {self._view.slots} slot{'s' * (self._view.slots > 1)} free" if free > 0 else ""
        cores = f"{machine.cores} cores"
        return Device(
            "CPU", cores, machine.memory_used, machine.memory_total, round(machine.cpu), None, tuple(occupants), words
        )

    def _process(self, process: GpuProcess) -> Occupant:
        """A process on a GPU that is not a job of the queue there: another run of this home, or someone else's."""
        if (run := self._at_work.get(process.pid)) is not None:
            return Occupant(str(run["name"]), run.get("working_since") or run.get("started"))
        if process.pid not in self._owners:
            self._owners[process.pid] = _owner(process.pid)
        user, since = self._owners[process.pid]
        memory = f" {process.memory / 2**30:.1f} GiB" if process.memory else ""
        return Occupant(" ".join(filter(None, (user, f"pid {process.pid}"))) + memory, since, ours=False)

    def _forget_owners(self, gpus: Sequence[Gpu]) -> None:
        there = {process.pid for gpu in gpus for process in gpu.processes}
        self._owners = {pid: owner for pid, owner in self._owners.items() if pid in there}


def _owner(pid: int) -> tuple[str, float | None]:
    """User of a process and when it started; unknown for one that cannot be seen, as from a container."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.username(), process.create_time()
    except (psutil.Error, KeyError):
        return "", None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
