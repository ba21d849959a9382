"""Where a run lives: one small protocol over the hosts of the engine (no torch)."""

import subprocess
import sys
from pathlib import Path
from typing import Protocol

from core.runs.alive import identity, kill
from core.runs.folder import RunFolder
from core.runs.log import RunLog


class Launcher(Protocol):
    """Starts runs somewhere, and reaches them there."""

    def start(self, folder: RunFolder, *, device: str, fresh: bool) -> None:
        """Start the run, or have it go on after a stop."""
        ...

    def state(self, folder: RunFolder) -> str:
        """Return the status of the run: queued, running, stopped, failed, finished or lost."""
        ...

    def stop(self, folder: RunFolder) -> None:
        """Ask the run to stop at its next step boundary, with a checkpoint."""
        ...

    def kill(self, folder: RunFolder) -> None:
        """End a run that does not answer; it is `lost` afterwards and can go on from its last checkpoint."""
        ...

    def log_path(self, folder: RunFolder) -> Path:
        """Where its console output goes."""
        ...


class DetachedLauncher:
    """Hosts each run in a worker process of its own, which outlives this process and its terminal.

    Args:
        module: run as `python -m module --home HOME --device DEVICE [--fresh] RUN`.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def start(self, folder: RunFolder, *, device: str, fresh: bool) -> None:
        """Start the worker in a session of its own, so that no hang-up of the terminal reaches it."""
        folder.clear_stop()  # left by a process that died; from here on a request is for this one
        folder.update(status="queued")
        command = [sys.executable, "-m", self._module, "--home", str(folder.home.root), "--device", device]
        with self.log_path(folder).open("ab") as log:
            process = subprocess.Popen(
                [*command, *(["--fresh"] if fresh else []), folder.id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Until the worker says so itself, so that a worker that dies early is seen to be gone.
        RunLog(folder.home).put(folder.update(**identity(process.pid)))

    def state(self, folder: RunFolder) -> str:
        """Return the status of the run as its folder tells it."""
        return folder.status()

    def stop(self, folder: RunFolder) -> None:
        """Leave a request in the run's folder, which the worker looks for several times a second."""
        folder.request_stop()

    def kill(self, folder: RunFolder) -> None:
        """Kill the worker's process group, on this machine only.

        Raises:
            InputError: there is no worker, it is out of reach, or it is this process.
        """
        kill(folder.settled())

    def log_path(self, folder: RunFolder) -> Path:
        """The console log in the run's folder."""
        return folder.log
