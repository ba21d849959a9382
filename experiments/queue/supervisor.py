"""The supervisor of a queue: `python -m experiments.queue.supervisor --home HOME`.

It starts each job as soon as there is a place for it, and ends when there is nothing left to start. Workers are
processes of their own that inherit the leases of their places, so they and their leases outlive it.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from core.errors import InputError
from core.runs.alive import identity
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.lease import Lease, is_leased
from core.runs.log import RunLog
from experiments.queue.entries import OVER, Content, Entry, Queue, state_of
from experiments.queue.places import Grant, Places

EVERY = 0.5
"""Seconds between two looks at the queue."""
IDLE = 5.0
"""Seconds without a job after which the supervisor ends."""
TRIES = 5
"""Attempts to become the supervisor."""
MODULE = "experiments.queue.supervisor"
WORKER = "experiments.worker"

Hire = Callable[[RunFolder, Entry, Grant], int]
"""Starts the worker of a job in its place; returns its process id."""


def ensure(home: Home) -> None:
    """Start a supervisor for the queue of this machine, unless there is one."""
    if is_leased(Queue(home).supervisor_lease, alone=True):
        return
    with (home.root / "supervisor.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", MODULE, "--home", str(home.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def hire(folder: RunFolder, entry: Entry, grant: Grant) -> int:
    """Start a worker process that inherits the leases of its place."""
    command = [sys.executable, "-m", WORKER, "--home", str(folder.home.root), "--device", grant.device]
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            [*command, *(["--fresh"] if entry.fresh else []), folder.id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | dict(grant.environment),
            pass_fds=[lease.inherit() for lease in grant.leases],
        ).pid


class Supervisor:
    """Starts the jobs of a queue.

    Args:
        home: with the queue and the runs.
        places: where jobs run.
        hire: starts a worker.
    """

    def __init__(self, home: Home, places: Places, hire: Hire = hire) -> None:
        self._home = home
        self._queue = Queue(home)
        self._places = places
        self._hire = hire
        self._log = RunLog(home)

    def turn(self) -> bool:
        """Remove jobs that are over and start those with a place; return whether anything is left to do."""
        content = self._queue.read()
        runs = {run["id"]: run for run in self._log.all()} if content.entries else {}
        states = {entry.run: state_of(entry, runs.get(entry.run)) for entry in content.entries}
        over = [run for run, state in states.items() if state in OVER]
        if over:
            self._queue.change(lambda now: now.without(over))
            content = content.without(over)  # not what is there now: a job may have come whose state is unknown
        running = [(entry, runs[entry.run]["pid"]) for entry in content.entries if states[entry.run] == "running"]
        waiting = [entry for entry in content.entries if states[entry.run] == "waiting"]
        if waiting:
            self._places.look()
        full: set[bool] = set()  # kinds of places of which none is free: a later job must not overtake the first
        for entry in waiting:
            kind = self._places.on_gpu(entry.device, entry.resources)
            if kind in full or self._must_wait(entry, running):
                continue
            grant = self._places.take(entry, content, running)
            if grant is None:
                full.add(kind)
                continue
            try:
                pid = self._start(entry, grant)
            finally:
                grant.release()
            if pid is not None:
                running.append((replace(entry, places=grant.places), pid))
        return bool(waiting or running)

    def run(self) -> None:
        """Supervise until there is nothing left to do; returns at once if another process does."""
        if (lease := self._begin()) is None:
            return
        busy = time.monotonic()
        while True:
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG) != (0, 0):
                    pass
            if self.turn():
                busy = time.monotonic()
            elif time.monotonic() - busy > IDLE and self._end(lease):
                return
            time.sleep(EVERY)

    def _begin(self) -> Lease | None:
        for _ in range(TRIES):  # someone who only looks holds the lease for a moment
            if (lease := Lease.take(self._queue.supervisor_lease, note=str(os.getpid()))) is not None:
                return lease
            time.sleep(EVERY / TRIES)
        return None

    def _end(self, lease: Lease) -> bool:
        """End the lease, unless a job came meanwhile: under the lock, so that no job is left without a supervisor."""
        ended = False

        def end(content: Content) -> Content:
            nonlocal ended
            if not any(entry.started is None and not entry.held for entry in content.entries):
                lease.release()
                ended = True
            return content

        self._queue.change(end)
        return ended

    def _must_wait(self, entry: Entry, running: Sequence[tuple[Entry, int | None]]) -> bool:
        """Whether a running job is about to compute a stage that this one needs as well."""
        others = [other for other, _ in running if set(other.keys) & set(entry.keys)]
        if not others:
            return False
        ahead = self._ahead(entry)
        return any(ahead & self._ahead(other) for other in others)

    def _ahead(self, entry: Entry) -> set[str]:
        """Keys of the stages that a run has not done yet."""
        try:
            stages = RunFolder.open(self._home, entry.run).record().stages
        except InputError:
            return set()
        return {key for key, stage in zip(entry.keys, stages, strict=False) if stage.status != "done"}

    def _start(self, entry: Entry, grant: Grant) -> int | None:
        """Start a job if it still waits; all under the lock of the queue, so that it starts once."""
        pid: int | None = None

        def start(content: Content) -> Content:
            nonlocal pid
            now = content.find(entry.run)
            if now is None or now.held or now.started is not None:
                return content  # changed after it was read
            try:
                folder = RunFolder.open(self._home, entry.run)
                # Inherited by the worker: one that a killed supervisor has started is not started again.
                own = Lease.take(folder.path / "worker.lock")
                if own is None:
                    return content
                folder.clear_stop()  # left by a process that died
                try:
                    pid = self._hire(folder, now, replace(grant, leases=(*grant.leases, own)))
                finally:
                    own.release()
            except (InputError, OSError):  # deleted meanwhile, or there is no memory for a process
                return content if _exists(self._home, entry.run) else content.without([entry.run])
            with suppress(Exception):  # its early death is noticed by its process
                RunLog(self._home).put(folder.update(**identity(pid)))
            return content.changed(entry.run, started=time.time(), places=grant.places)

        self._queue.change(start)
        return pid


def _exists(home: Home, run: str) -> bool:
    return RunFolder(home, run).record_path.is_file()


def main() -> None:
    """Supervise the queue of this machine in a home."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="Start the jobs of the queue.")
    parser.add_argument("--home", type=Path, required=True)
    home = Home.open(parser.parse_args().home)
    Supervisor(home, Places(home.locks)).run()


if __name__ == "__main__":
    main()
