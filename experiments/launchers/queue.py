"""Runs in the queue of this machine: each starts as soon as there is a GPU, or a slot of the CPU, for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments.launchers import Launcher, stopped
from experiments.plan import config_of, sharing_keys
from experiments.queue.entries import Content, Entry, Queue
from experiments.queue.places import Places
from experiments.queue.supervisor import ensure
from experiments.resources import ANY, Resources


class QueueLauncher(Launcher):
    """Adds runs to the queue of this machine; its supervisor hosts each in a worker process of its own."""

    name = "queue"
    summary = "In the queue of this machine, which gives each run a GPU or a slot of the CPU."
    where = "is in the queue (see: prusc queue)"
    queues = True
    takes = ("--gpus", "--gpu-memory", "--threads")

    def check(self, device: str, resources: Resources = ANY) -> None:
        super().check(device)
        Places(Home.open(create=False).locks).check(device, resources)

    def start(self, folder: RunFolder, *, device: str, fresh: bool, resources: Resources = ANY) -> None:
        self.start_all([folder], device=device, fresh=fresh, resources=resources)

    def start_all(self, folders: Sequence[RunFolder], *, device: str, fresh: bool, resources: Resources = ANY) -> None:
        entries = []
        for folder in folders:
            record = folder.claim(
                status="queued", launcher=self.name, job="queue", pid=None, pid_started=None, host=None, reason=""
            )
            folder.clear_stop()  # left by a process that died
            keys = sharing_keys(config_of(record))
            entries.append(Entry(run=record.id, device=device, fresh=fresh, resources=resources, keys=keys))
        home = folders[0].home
        log = RunLog(home)
        log.put_all([folder.id for folder in folders])

        def add(content: Content) -> Content:
            content = content.without([entry.run for entry in entries])
            return content.extended(entries)

        Queue(home).change(add)
        ensure(home)

    def wake(self, home: Home) -> None:
        ensure(home)

    def held(self, home: Home, runs: Sequence[Mapping[str, Any]]) -> set[str]:
        return {entry.run for entry in Queue(home).read().entries if entry.held} & {run["id"] for run in runs}

    def stop(self, folder: RunFolder) -> None:
        self.stop_all([folder])

    def stop_all(self, folders: Sequence[RunFolder]) -> None:
        """Take runs that wait out of the queue; ask those that run to stop."""
        home = folders[0].home
        waiting: list[RunFolder] = []

        def leave(content: Content) -> Content:
            # Under the lock of the queue, so that none of them starts meanwhile.
            waiting.extend(f for f in folders if (r := f.record()).status == "queued" and r.pid is None)
            return content.without([folder.id for folder in waiting])

        Queue(home).change(leave)
        stopped(folders, waiting)

    def kill(self, folder: RunFolder) -> None:
        record = folder.settled()
        if record.pid is None:
            raise InputError(f"run '{record.name}' waits in the queue: there is no process to kill; stop it instead")
        super().kill(folder)
