"""Actions on the queue: look, move, hold, release, cancel, retry and set its slots (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.lease import is_leased
from core.runs.log import RunLog
from experiments.queue.entries import OVER, Content, Entry, Queue, state_of
from experiments.queue.places import cpu_slots
from experiments.queue.supervisor import ensure

FIRST = ("running", "waiting", "held", "interrupted", "failed")
"""States in the order in which they are listed."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the queue and its run, given as summary; `place` counts the jobs that wait, from 1."""

    entry: Entry
    run: Mapping[str, Any]
    state: str
    place: int | None


@dataclass(frozen=True, slots=True)
class QueueView:
    """The queue of this machine at a moment.

    Attributes:
        jobs: those that run, then those that wait in their order, then those that failed or were interrupted.
        slots: number of jobs on the CPU at once.
        threads: of each of them.
        supervised: whether a supervisor is running.
    """

    jobs: tuple[Job, ...]
    slots: int
    threads: int
    supervised: bool

    def number(self, state: str) -> int:
        """Number of jobs in a state."""
        return sum(job.state == state for job in self.jobs)


def look(home: Home, log: RunLog | None = None) -> QueueView:
    """The queue of this machine now; a `log` that is used again parses only what has changed."""
    queue = Queue(home)
    content = queue.read()
    runs = {run["id"]: run for run in (log or RunLog(home)).all()} if content.entries else {}
    jobs, place = [], 0
    for entry in content.entries:
        state = state_of(entry, runs.get(entry.run))
        if state in OVER:
            continue
        place += state == "waiting"
        jobs.append(Job(entry, runs[entry.run], state, place if state == "waiting" else None))
    jobs.sort(key=lambda job: FIRST.index(job.state))  # stable: the order of the queue stays
    return QueueView(tuple(jobs), *cpu_slots(content), is_leased(queue.supervisor_lease, alone=True))


def move(home: Home, run: str, to: int, log: RunLog | None = None) -> str:
    """Move a job that waits to place `to`, counted from 1; a larger number is the end. Return a sentence.

    A `log` that is used again parses only what has changed.
    """
    if to < 1:
        raise InputError(f"place {to}: places are counted from 1")
    states = _states(home, log)
    name = _name(home, run)

    def change(content: Content) -> Content:
        entry = _waiting(content, run, name, states)
        others = [e for e in content.entries if e.run != run]
        waiting = [n for n, e in enumerate(others) if states.get(e.run) == "waiting"]
        at = waiting[to - 1] if to <= len(waiting) else len(others)
        return replace(content, entries=(*others[:at], entry, *others[at:]))

    entries = Queue(home).change(change).entries
    if states[run] == "held":
        return f"{name} was moved; it is held"
    order = [entry.run for entry in entries if states.get(entry.run) == "waiting"]
    return f"{name} is now number {order.index(run) + 1} in the queue"


def hold(home: Home, runs: Sequence[str], held: bool = True) -> str:
    """Hold jobs that wait, so that they do not start, or release them; return a sentence."""
    states = _states(home)

    def change(content: Content) -> Content:
        for run in runs:
            _waiting(content, run, _name(home, run), states)
            content = content.changed(run, held=held)
        return content

    Queue(home).change(change)
    if not held:
        ensure(home)
    return f"{_names(home, runs)} {'held' if held else 'released'}"


def cancel(home: Home, runs: Sequence[str]) -> str:
    """Take jobs out of the queue, whatever their state; those that run are asked to stop. Return a sentence."""
    from experiments.launchers import launcher_of

    for run in runs:
        folder = RunFolder.open(home, run)
        if Queue(home).read().find(run) is None:
            raise InputError(f"run '{_name(home, run)}' is not in the queue of this machine")
        if _states(home).get(run) in ("failed", "interrupted"):
            Queue(home).change(lambda content, run=run: content.without([run]))  # type: ignore[misc]
        else:
            launcher_of(folder.record()).stop(folder)
    return f"{_names(home, runs)} cancelled; what has been computed is kept"


def retry(home: Home, runs: Sequence[str] = ()) -> str:
    """Queue jobs again that failed or were interrupted, all of them by default; return a sentence.

    Each continues from its last checkpoint. Raises InputError if a job did not fail.
    """
    from experiments.earlier import renew

    states = _states(home)
    chosen = list(runs) or [run for run, state in states.items() if state in ("failed", "interrupted")]
    for run in chosen:
        if states.get(run) not in ("failed", "interrupted"):
            raise InputError(f"run '{_name(home, run)}' is {states.get(run, 'not in the queue')}; it needs no retry")
    for run in chosen:
        folder = RunFolder.open(home, run)
        renew(folder)
        folder.clear_stop()
        folder.update(status="queued", job="queue", pid=None, pid_started=None, host=None, reason="")
    RunLog(home).put_all(chosen)

    def change(content: Content) -> Content:
        for run in chosen:
            content = content.changed(run, started=None, places=(), held=False)
        return content

    Queue(home).change(change)
    ensure(home)
    return f"{_names(home, chosen)} queued again" if chosen else "no job failed or was interrupted"


def set_slots(home: Home, slots: int | None, threads: int | None) -> str:
    """Set the number of jobs on the CPU at once, and the threads of each; None leaves one as it is."""
    for name, value in (("--slots", slots), ("--threads", threads)):
        if value is not None and value < 1:
            raise InputError(f"{name} {value}: expected at least 1")

    def change(content: Content) -> Content:
        return replace(content, slots=slots or content.slots, threads=threads or content.threads)

    number, each = cpu_slots(Queue(home).change(change))
    return f"{number} job{'s' * (number > 1)} at once on the CPU, {each} thread{'s' * (each > 1)} each"


def _states(home: Home, log: RunLog | None = None) -> dict[str, str]:
    runs = {run["id"]: run for run in (log or RunLog(home)).all()}
    return {entry.run: state_of(entry, runs.get(entry.run)) for entry in Queue(home).read().entries}


def _waiting(content: Content, run: str, name: str, states: Mapping[str, str]) -> Entry:
    entry = content.find(run)
    if entry is None:
        raise InputError(f"run '{name}' is not in the queue of this machine")
    if states.get(run) not in ("waiting", "held"):
        raise InputError(f"run '{name}' is {states.get(run)}; only waiting jobs can be moved or held")
    return entry


def _name(home: Home, run: str) -> str:
    return RunFolder.open(home, run).record().name


def _names(home: Home, runs: Sequence[str]) -> str:
    return _name(home, runs[0]) if len(runs) == 1 else f"{len(runs)} jobs"
