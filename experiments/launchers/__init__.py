"""Launchers: one small protocol, and one file for each launcher (no torch).

To add one, write a file in this folder with a subclass of `Launcher`; nothing else has to change.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from core.discovery import subclasses
from core.errors import InputError, nearest
from core.runs.alive import kill
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord
from experiments.resources import Resources


class Launcher(ABC):
    """Starts runs in one kind of place, and controls them there; by default, runs are processes of this machine.

    Attributes:
        name: as in `--launcher` and in the record of a run: that of its file, `-` for `_`.
        summary: one line for the user.
        where: what follows the name of a run that it has just started; `{job}` is its job.
        outlives: whether a run goes on when the process that started it ends.
        queues: whether runs wait there until there is room, so that many can be started at once.
        takes: options of `experiments.resources.Resources` that it understands; `check`, `start` and `start_all` then
            have a further argument, `resources`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    where: ClassVar[str] = "runs in the background"
    outlives: ClassVar[bool] = True
    queues: ClassVar[bool] = False
    takes: ClassVar[tuple[str, ...]] = ()

    def check(self, device: str) -> None:
        """Make sure that a run can be started on `auto`, `cpu`, `cuda:N` or several of these; imports torch.

        Nothing is written. Raises InputError if there is no such device, or nothing can be started at all.
        """
        from core.engine.devices import resolve_all

        resolve_all(device)

    @abstractmethod
    def start(self, folder: RunFolder, *, device: str, fresh: bool) -> None:
        """Start or resume a run; from now on its record names this launcher and its job.

        With `fresh`, every stage is computed, even if another run has its result. The launcher removes a request to
        stop, which was for an earlier process. Raises InputError if the run cannot be started.
        """

    def start_all(self, folders: Sequence[RunFolder], *, device: str, fresh: bool) -> None:
        """Start or resume many runs, as `start` does; a launcher with a queue takes them at once."""
        for folder in folders:
            self.start(folder, device=device, fresh=fresh)

    def wake(self, home: Home) -> None:
        """Make sure that runs that wait will be started, for a launcher whose own process may have ended."""
        del home  # most launchers have no such process

    def kill(self, folder: RunFolder) -> None:
        """End a run that does not answer; it is then `lost` and can be resumed from its last checkpoint.

        Raises InputError if no process runs it, or it is out of reach.
        """
        kill(folder.settled())

    def state(self, folder: RunFolder) -> RunRecord:
        """Return the record of the run as it is now: queued, running, stopped, failed, finished or lost."""
        return folder.settled()

    def settle(self, home: Home, ids: Sequence[str]) -> bool:
        """Record how runs ended that could not say so themselves, and return whether one has changed.

        For a launcher whose runs are jobs of something that knows.
        """
        del home, ids
        return False

    def held(self, home: Home, runs: Sequence[Mapping[str, Any]]) -> set[str]:
        """Ids of those of these queued runs, given as summaries, that do not start before somebody releases them."""
        del home, runs  # most launchers hold no run
        return set()

    def stop(self, folder: RunFolder) -> None:
        """Ask the run to stop at its next step boundary, with a checkpoint."""
        folder.request_stop()

    def stop_all(self, folders: Sequence[RunFolder]) -> None:
        """Ask many runs to stop, as `stop` does; those that have ended meanwhile are left alone."""
        for folder in folders:
            with suppress(InputError):
                self.stop(folder)

    def log_path(self, folder: RunFolder) -> Path:
        """Where its console output goes."""
        return folder.log


def names() -> list[str]:
    """Names of the launchers, in alphabetical order."""
    return sorted(_found())


def launcher(name: str) -> Launcher:
    """The launcher called `name`; raises InputError, which names the nearest, if there is none."""
    found = _found()
    if name not in found:
        raise InputError(
            f"unknown launcher '{name}'{nearest(name, sorted(found))}; choose from {', '.join(sorted(found))}"
        )
    return found[name]()


def stopped(folders: Sequence[RunFolder], waiting: Sequence[RunFolder]) -> None:
    """Record as stopped the runs of `folders` that were `waiting` in a queue, and ask the others to stop."""
    for folder in folders:
        if folder in waiting:
            folder.update(status="stopped", job="")
        else:
            folder.request_stop()
    if waiting:
        RunLog(waiting[0].home).put_all([folder.id for folder in waiting])


def asked(host: Launcher, resources: Resources) -> dict[str, Resources]:
    """The argument `resources` for a launcher that has it, else nothing.

    Raises InputError if an option is given that the launcher does not understand.
    """
    for option in resources.asked:
        if option not in host.takes:
            able = sorted(name for name, other in _found().items() if option in other.takes)
            instead = f"; use --launcher {' or '.join(able)}" if able else ""
            raise InputError(f"{option}: is not for launcher '{host.name}'{instead}")
    return {"resources": resources} if host.takes else {}


def launcher_of(record: RunRecord) -> Launcher:
    """The launcher that controls a run; raises InputError if this installation does not have it."""
    found = _found()
    if record.launcher not in found:
        raise InputError(
            f"run '{record.name}' was started by launcher '{record.launcher}', which is not installed here"
        )
    return found[record.launcher]()


def settle(home: Home, runs: Iterable[Mapping[str, Any]]) -> bool:
    """Have launchers record how runs ended that could not say so themselves, such as a job that was cancelled.

    Only runs with a job that are queued or lost as far as they know, given as summaries, are looked at. Returns whether
    one has changed.
    """
    unsure = _by_launcher(
        run for run in runs if run["status"] == "queued" or (run["status"] == "lost" and run["pid"] is not None)
    )
    changed = [host.settle(home, [run["id"] for run in some]) for host, some in unsure]
    return any(changed)


def held(home: Home, runs: Iterable[Mapping[str, Any]]) -> set[str]:
    """Ids of those of these runs, given as summaries, that are queued and held: somebody must release them."""
    waiting = _by_launcher(run for run in runs if run["status"] == "queued")
    return set().union(*(host.held(home, some) for host, some in waiting))


def _by_launcher(runs: Iterable[Mapping[str, Any]]) -> list[tuple[Launcher, list[Mapping[str, Any]]]]:
    """Runs that have a job, by the launcher that knows it; those of a launcher that is not installed are left out."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        if run.get("job"):
            grouped.setdefault(run["launcher"], []).append(run)
    found = _found() if grouped else {}
    return [(found[name](), some) for name, some in grouped.items() if name in found]


def _found() -> dict[str, type[Launcher]]:
    """Every launcher that a file of this folder defines, by name."""
    return {kind.name: kind for kind in subclasses(__name__, Launcher)}  # type: ignore[type-abstract]
