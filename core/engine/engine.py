"""Runs pipelines on background threads: one thread and one run at a time per device, the rest queued."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import InputError, Stopped
from core.runs.folder import RunFolder
from core.runs.log import RunLog

if TYPE_CHECKING:
    import torch

    from core.config import Config
    from core.engine.stage import Pipeline

WATCH_EVERY = 0.25
"""Seconds between looks for a stop request from another process."""
BEATS = 4
"""Looks per heartbeat."""


@dataclass
class Job:
    """A run in the hands of the engine."""

    folder: RunFolder
    config: "Config"
    device: "torch.device"
    fresh: bool = False
    status: str = "queued"
    error: Exception | None = None
    """Why the run could not even begin; what goes wrong inside a run is in its record."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Ask the run to stop at its next step boundary, with a checkpoint."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended; True when it has."""
        return self._ended.wait(timeout)

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()


class Engine:
    """Hosts runs in this process. Threads may share it.

    Args:
        build: makes the pipeline of a configuration; called on the run's thread.
    """

    def __init__(self, build: "Callable[[Config], Pipeline]") -> None:
        self._build = build
        self._queues: dict[str, queue.Queue[Job]] = {}
        self._jobs: dict[str, Job] = {}
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, folder: RunFolder, config: "Config", device: "torch.device", *, fresh: bool = False) -> Job:
        """Queue a run for `device`; it starts when earlier runs on that device have ended.

        Raises:
            InputError: `stop_all` was called.
        """
        job = Job(folder, config, device, fresh)
        with self._lock:
            self.refuse_when_closed()
            self._jobs = {id: old for id, old in self._jobs.items() if not old.wait(0)} | {folder.id: job}
            if str(device) not in self._queues:
                self._queues[str(device)] = queue.Queue()
                threading.Thread(
                    target=self._serve, args=(self._queues[str(device)],), name=f"engine-{device}", daemon=True
                ).start()
            self._queues[str(device)].put(job)
        return job

    def job(self, id: str) -> Job:
        """Return the job of a run that was just submitted, or is at work here.

        Raises:
            KeyError: the run does not live in this process.
        """
        return self._jobs[id]

    def running(self) -> list[RunFolder]:
        """Runs that have not ended, queued ones included."""
        return [job.folder for job in self._jobs.values() if not job.wait(0)]

    def stop_all(self, patience: float) -> list[RunFolder]:
        """Have every run stop at its next step, with a checkpoint; no other can be submitted from here on.

        Args:
            patience: seconds to wait for all of them together.

        Returns:
            Runs that have not answered.
        """
        with self._lock:
            self._closed = True
            jobs = list(self._jobs.values())
        deadline = time.monotonic() + patience
        for job in jobs:
            job.stop()
        return [job.folder for job in jobs if not job.wait(max(0.0, deadline - time.monotonic()))]

    def refuse_when_closed(self) -> None:
        """Take no more runs once `stop_all` was called.

        Raises:
            InputError: it was.
        """
        if self._closed:
            raise InputError("this program is about to end; start the run again")

    def _serve(self, jobs: "queue.Queue[Job]") -> None:
        while True:
            job = jobs.get()
            threading.Thread(target=_watch, args=(job,), name=f"watch-{job.folder.id}", daemon=True).start()
            try:
                job.status = self._host(job)
            except Exception as error:  # the thread must live on for the next run
                job.error = error
                job.status = "failed"
                note_failure(job.folder, error)
            finally:
                job._ended.set()

    def _host(self, job: Job) -> str:
        from core.engine.devices import lease, prepared
        from core.engine.runner import Runner

        with job.folder.writer():
            try:
                with (
                    lease(job.device, job.folder.home.locks, job._stop.is_set),
                    prepared(job.device, job.config.deterministic),
                ):
                    pipeline = self._build(job.config)
                    return Runner(job.folder, pipeline, job.config, job.device, job._stop.is_set, job.fresh).run()
            except Stopped:
                job.folder.clear_stop()
                RunLog(job.folder.home).put(job.folder.update(status="stopped"))
                return "stopped"


def note_failure(folder: RunFolder, error: Exception) -> None:
    """Write down why a run could not even begin; where another process writes the run, its word counts."""
    with suppress(InputError), folder.writer():
        RunLog(folder.home).put(folder.update(status="failed", reason=str(error)))


def _watch(job: Job) -> None:
    """Beat the heart of a run and pass on stop requests of other processes until it has ended."""
    job.folder.beat()
    look = 0
    while not job.wait(WATCH_EVERY):
        if job.folder.stop_requested():
            job.stop()
        look += 1
        if look % BEATS == 0:
            job.folder.beat()
