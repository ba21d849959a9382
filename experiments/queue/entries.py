"""The file of the queue: the order of its jobs and what each asks for (no torch)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import orjson

from core.errors import InputError
from core.runs.alive import this_host
from core.runs.disk import locked, replace_file
from core.runs.home import Home
from core.runs.record import ACTIVE
from experiments.resources import Resources

OVER = ("finished", "stopped", "gone")
"""States of a job that leaves the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One job of the queue.

    Attributes:
        run: id of its run.
        device: `auto`, `cpu` or `cuda`: what kind of place it takes.
        fresh: whether every stage is computed, even if another run has its result.
        keys: one for each stage, equal for runs that share the stage.
        held: whether it waits until it is released.
        started: when its worker was started, in seconds since 1970; None while it waits.
        places: leases of its worker: GPUs by UUID, or slots of the CPU.
        added: when it was queued.
    """

    run: str
    device: str = "auto"
    fresh: bool = False
    resources: Resources = field(default_factory=Resources)
    keys: tuple[str, ...] = ()
    held: bool = False
    started: float | None = None
    places: tuple[str, ...] = ()
    added: float = field(default_factory=time.time)

    def to_json(self) -> dict[str, Any]:
        """As in the file."""
        return asdict(self) | {"resources": self.resources.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Inverse of `to_json`; unknown keys are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(
            **{name: item for name, item in value.items() if name in known}
            | {"resources": Resources.from_json(value.get("resources", {}))}
            | {"keys": tuple(value.get("keys", ())), "places": tuple(value.get("places", ()))}
        )


@dataclass(frozen=True, slots=True)
class Content:
    """The queue of one machine at a moment.

    Attributes:
        entries: jobs in the order in which they start; those that have started keep their place.
        slots: number of jobs on the CPU at once; None for the default.
        threads: of each of them; None for the default.
    """

    entries: tuple[Entry, ...] = ()
    slots: int | None = None
    threads: int | None = None

    def find(self, run: str) -> Entry | None:
        """The job of a run; None if it is not in the queue."""
        return next((entry for entry in self.entries if entry.run == run), None)

    def extended(self, entries: Sequence[Entry]) -> "Content":
        """The same with more jobs at the end."""
        return replace(self, entries=(*self.entries, *entries))

    def changed(self, run: str, **changes: Any) -> "Content":
        """The same with one job changed."""
        return replace(self, entries=tuple(replace(e, **changes) if e.run == run else e for e in self.entries))

    def without(self, runs: Sequence[str]) -> "Content":
        """The same without the jobs of these runs."""
        gone = set(runs)
        return replace(self, entries=tuple(entry for entry in self.entries if entry.run not in gone))


def state_of(entry: Entry, run: Mapping[str, Any] | None) -> str:
    """State of a job, given the summary of its run: waiting, held, running, interrupted, failed, or one of `OVER`."""
    if run is None:
        return "gone"
    if run["status"] == "queued" and run["pid"] is None:
        return "held" if entry.held else "waiting"
    if run["status"] in ACTIVE:
        return "running"
    return "interrupted" if run["status"] == "lost" else str(run["status"])


class Queue:
    """The queue of this machine in a home; any number of processes may change it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._name = f"queue-{this_host()}"

    @property
    def path(self) -> Path:
        """The file; each machine that shares a home has its own."""
        return self.home.root / f"{self._name}.json"

    @property
    def supervisor_lease(self) -> Path:
        """The lease of the supervisor of this queue."""
        return self.home.locks / f"{self._name}-supervisor.lock"

    def read(self) -> Content:
        """The queue now, without a lock; raises InputError if its file is damaged."""
        try:
            value = orjson.loads(self.path.read_bytes())
            entries = tuple(Entry.from_json(entry) for entry in value["entries"])
            return Content(entries, value.get("slots"), value.get("threads"))
        except FileNotFoundError:
            return Content()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{self.path}: is not a queue; delete it, the runs are kept") from None

    def change(self, change: Callable[[Content], Content]) -> Content:
        """Change the queue under its lock and return it; nothing is written if `change` raises."""
        Home.open(self.home.root)
        with locked(self.home.locks / f"{self._name}.lock", str(self.path)):
            old = self.read()
            new = change(old)
            if new != old:
                entries = [entry.to_json() for entry in new.entries]
                value = {"entries": entries, "slots": new.slots, "threads": new.threads}
                replace_file(self.path, orjson.dumps(value, option=orjson.OPT_INDENT_2))
        return new
