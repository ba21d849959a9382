"""Where a run lives: one small protocol, and one file for each launcher that fulfils it (no torch).

A new launcher is a new file in this folder with one subclass of `Launcher`; nothing else has to know of it.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from core.errors import InputError, nearest
from core.runs.folder import RunFolder
from core.runs.record import RunRecord


class Launcher(ABC):
    """Starts runs in one kind of place, and reaches them there.

    What the run's folder tells or takes is enough for most places, so only `check`, `start` and `kill` must be written.

    Attributes:
        name: as `--launcher` takes it and a run's record holds it.
        summary: one line for a person who chooses.
        outlives: whether a run goes on when the process that started it ends.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    outlives: ClassVar[bool] = True

    @abstractmethod
    def check(self, device: str) -> None:
        """Make sure that a run can be started on a device, before anything is written.

        Args:
            device: `auto`, `cpu` or `cuda:N`.

        Raises:
            InputError: there is no such device, or nothing can be started at all.
        """

    @abstractmethod
    def start(self, folder: RunFolder, *, device: str, fresh: bool) -> None:
        """Start a run, or have it go on after a stop; its record names this launcher and its job from here on.

        Args:
            folder: of the run; a request to stop that is left there is for an earlier process.
            device: as for `check`.
            fresh: compute every stage, even if another run has its result.

        Raises:
            InputError: it cannot be started.
        """

    @abstractmethod
    def kill(self, folder: RunFolder) -> None:
        """End a run that does not answer; it is `lost` afterwards and can go on from its last checkpoint.

        Raises:
            InputError: nothing works on the run, or it is out of reach.
        """

    def state(self, folder: RunFolder) -> RunRecord:
        """Return the record of the run as it is now: queued, running, stopped, failed, finished or lost."""
        return folder.settled()

    def stop(self, folder: RunFolder) -> None:
        """Ask the run to stop at its next step boundary, with a checkpoint."""
        folder.request_stop()

    def log_path(self, folder: RunFolder) -> Path:
        """Where its console output goes."""
        return folder.log


def names() -> list[str]:
    """Names of the launchers, in alphabetical order."""
    return sorted(_found())


def launcher(name: str) -> Launcher:
    """Return the launcher called `name`.

    Raises:
        InputError: there is none; the sentence names the nearest.
    """
    found = _found()
    if name not in found:
        raise InputError(
            f"unknown launcher '{name}'{nearest(name, sorted(found))}; there are {', '.join(sorted(found))}"
        )
    return found[name]()


def launcher_of(record: RunRecord) -> Launcher:
    """Return the launcher that reaches a run.

    Raises:
        InputError: this installation does not have the launcher that started it.
    """
    found = _found()
    if record.launcher not in found:
        raise InputError(
            f"run '{record.name}' was started by launcher '{record.launcher}', which is not installed here"
        )
    return found[record.launcher]()


def _found() -> dict[str, type[Launcher]]:
    """Every launcher that a file of this folder defines, by name."""
    found = {}
    for file in pkgutil.iter_modules(__path__, f"{__name__}."):
        for value in vars(importlib.import_module(file.name)).values():
            if isinstance(value, type) and issubclass(value, Launcher) and value.__module__ == file.name:
                found[value.name] = value
    return found
