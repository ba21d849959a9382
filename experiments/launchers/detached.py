"""Runs in a worker process of their own on this machine, which outlives the terminal."""

import subprocess
import sys

from core.runs.alive import here, identity
from core.runs.folder import RunFolder
from core.runs.log import RunLog
from experiments.launchers import Launcher

WORKER = "experiments.worker"
"""Module of the worker: `python -m experiments.worker --home HOME --device DEVICE [--fresh] RUN`."""


class DetachedLauncher(Launcher):
    """Hosts each run in a worker process of its own, which outlives this process and its terminal."""

    name = "detached"
    summary = "In a separate process, which outlives this one and the connection."

    def start(self, folder: RunFolder, *, device: str, fresh: bool) -> None:
        # Until the worker is there, the run is in the hand of this process: of two that resume it, one starts a worker.
        folder.claim(status="queued", launcher=self.name, job="", **here())
        folder.clear_stop()  # left by a process that died
        command = [sys.executable, "-m", WORKER, "--home", str(folder.home.root), "--device", device]
        with self.log_path(folder).open("ab") as log:
            process = subprocess.Popen(
                [*command, *(["--fresh"] if fresh else []), folder.id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Recorded before the worker does so itself, so that its early death is noticed.
        RunLog(folder.home).put(folder.update(**identity(process.pid)))
