"""Runs pipelines on background threads: one run at a time per device, others are queued."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import InputError, Stopped
from core.runs.folder import LET_GO_WITHIN, RunFolder
from core.runs.lease import machine_leases
from core.runs.log import RunLog

if TYPE_CHECKING:
    import torch

    from core.config import Config
    from core.engine.stage import Pipeline

WATCH_EVERY = 0.25
"""Seconds between checks for a stop request from another process."""
BEATS = 4
"""Checks per heartbeat."""


@dataclass
class Job:
    """A run submitted to the engine."""

    folder: RunFolder
    config: "Config"
    devices: "tuple[torch.device, ...]"
    fresh: bool = False
    status: str = "queued"
    error: Exception | None = None
    """Why the run could not start, or bad input that ended it; other errors of a started run are in its record."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Request a stop at the next step boundary, with a checkpoint."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended; True if it has."""
        return self._ended.wait(timeout)

    @property
    def over(self) -> bool:
        """Whether the run has ended; takes no lock, so that the handler of a signal can wait for it."""
        return self._ended.is_set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stop.is_set()


class Engine:
    """Hosts runs in this process; thread-safe.

    Args:
        build: builds the pipeline of a configuration; called on the run's thread.
        beside: entered before a run is hosted and left when its record is final; must not raise.
        spread: hosts a run on several devices in a process for each, and returns the status with which it ended; None
            if this process is the first of them.
    """

    def __init__(
        self,
        build: "Callable[[Config], Pipeline]",
        beside: Callable[[RunFolder], AbstractContextManager[None]] = lambda _: nullcontext(),
        spread: "Callable[[Job], str] | None" = None,
    ) -> None:
        self._build = build
        self._beside = beside
        self._spread = spread
        self._queues: dict[str, queue.Queue[Job]] = {}
        self._jobs: dict[str, Job] = {}
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, folder: RunFolder, config: "Config", *devices: "torch.device", fresh: bool = False) -> Job:
        """Queue a run for one device or several; it starts after earlier runs on the same ones.

        Raises:
            InputError: `stop_all` was called.
        """
        job, place = Job(folder, config, devices, fresh), ",".join(map(str, devices))
        with self._lock:
            self.refuse_when_closed()
            self._jobs = {id: old for id, old in self._jobs.items() if not old.wait(0)} | {folder.id: job}
            if place not in self._queues:
                self._queues[place] = queue.Queue()
                threading.Thread(
                    target=self._serve, args=(self._queues[place],), name=f"engine-{place}", daemon=True
                ).start()
            self._queues[place].put(job)
        return job

    def job(self, id: str) -> Job:
        """Return the job of a run that was just submitted or is running here.

        Raises:
            KeyError: the run is not hosted by this process.
        """
        return self._jobs[id]

    def running(self) -> list[RunFolder]:
        """Runs that have not ended, including queued ones."""
        return [job.folder for job in self._jobs.values() if not job.wait(0)]

    def stop_all(self, patience: float) -> list[RunFolder]:
        """Stop every run at its next step, with a checkpoint, and refuse new runs.

        Args:
            patience: total seconds to wait.

        Returns:
            Runs that have not stopped in time.
        """
        with self._lock:
            self._closed = True
            jobs = list(self._jobs.values())
        deadline = time.monotonic() + patience
        for job in jobs:
            job.stop()
        return [job.folder for job in jobs if not job.wait(max(0.0, deadline - time.monotonic()))]

    def refuse_when_closed(self) -> None:
        """Refuse new runs after `stop_all`.

        Raises:
            InputError: `stop_all` was called.
        """
        if self._closed:
            raise InputError("the program is shutting down; start the run again")

    def _serve(self, jobs: "queue.Queue[Job]") -> None:
        while True:
            job = jobs.get()
            threading.Thread(target=_watch, args=(job,), name=f"watch-{job.folder.id}", daemon=True).start()
            try:
                with self._beside(job.folder):
                    self._attempt(job)
            finally:
                job._ended.set()

    def _attempt(self, job: Job) -> None:
        try:
            job.status = self._host(job)
        except Exception as error:  # the thread must survive for the next run
            job.error = error
            job.status = "failed"
            note_failure(job.folder, error)

    def _host(self, job: Job) -> str:
        if self._spread is not None and len(job.devices) > 1:
            return self._spread(job)
        from core.engine.devices import lease_all, prepared
        from core.engine.runner import Runner

        device = job.devices[0]
        with job.folder.writer(LET_GO_WITHIN):
            try:
                with (
                    lease_all(job.devices, machine_leases(), job._stop.is_set),
                    prepared(device, job.config.deterministic),
                ):
                    pipeline = self._build(job.config)
                    runner = Runner(job.folder, pipeline, job.config, device, job._stop.is_set, job.fresh)
                    status, job.error = runner.run(), runner.refused
                    return status
            except Stopped:
                RunLog(job.folder.home).put(job.folder.update(**job.folder.take_stop()))
                return "stopped"


def note_failure(folder: RunFolder, error: Exception) -> None:
    """Record why a run could not start, unless another process is writing the run, or the disk is full."""
    with suppress(InputError, OSError), folder.writer():
        RunLog(folder.home).put(folder.update(status="failed", reason=str(error)))


def _watch(job: Job) -> None:
    """Update the heartbeat of a run and forward stop requests of other processes until it has ended."""
    checks = 0
    while True:
        if checks % BEATS == 0:
            with suppress(OSError):  # somebody has removed the folder; the run will say so
                job.folder.beat()
        checks += 1
        if job.wait(WATCH_EVERY):
            return
        if job.folder.stop_requested():
            job.stop()
