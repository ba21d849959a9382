"""Runs on several devices: a process for each, started and watched by the launcher behind `torchrun`."""

import logging
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.engine.engine import note_failure
from core.runs.folder import LET_GO_WITHIN
from core.runs.record import ACTIVE

if TYPE_CHECKING:
    import torch

    from core.engine.engine import Job
    from core.runs.folder import RunFolder

RANK = "experiments.rank"
"""Module of the processes."""
LOOK_EVERY = 0.25
"""Seconds between looks whether a stop was requested."""


def host(job: "Job") -> str:
    """Run a job in one process per device, on this machine, and return the status with which it ended.

    The first process is the one that writes the run, and that its record names. If one process fails, all are ended.
    Raises InputError if another process writes the run.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # how a run ends is in its record
    folder, ended = job.folder, threading.Event()
    with folder.writer(LET_GO_WITHIN):
        pass  # refused here, where somebody sees it
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=len(job.devices),
        run_id=folder.id,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        monitor_interval=LOOK_EVERY,
    )
    threading.Thread(target=_pass_on_stop, args=(job, ended), daemon=True).start()
    with tempfile.TemporaryDirectory() as scratch:
        failure = Path(scratch) / "failure"
        words = [
            "--home",
            str(folder.home.root),
            "--device",
            ",".join(map(str, job.devices)),
            "--failure",
            str(failure),
        ]
        try:
            elastic_launch(config, sys.executable)("-m", RANK, *words, *(["--fresh"] if job.fresh else []), folder.id)
        except ChildFailedError as error:
            _settle(folder, job.devices, error.failures, failure)
        finally:
            ended.set()
    return folder.status()


def _pass_on_stop(job: "Job", ended: threading.Event) -> None:
    """Pass a request to stop on to the first process, which sees those of other processes itself."""
    while not ended.wait(LOOK_EVERY):
        if job.stopping:
            if not job.folder.stop_requested():
                job.folder.request_stop()
            return


def _settle(
    folder: "RunFolder", devices: "tuple[torch.device, ...]", failures: Mapping[int, Any], failure: Path
) -> None:
    """Record why a run failed, if the first process could not do so itself.

    Args:
        folder: of the run.
        devices: of the processes.
        failures: rank → end of its process, of those that failed or were then ended.
        failure: file with the reason that a process gave, if one did.
    """
    # The consequences of a kill come in the same second; processes that do not answer are ended much later.
    rank, first = min(failures.items(), key=lambda item: (item[1].timestamp, item[1].exitcode))
    if first.exitcode < 0:
        if rank > 0:  # a run whose first process was killed is lost, as on one device
            note_failure(folder, Exception(f"the process on {devices[rank]} was ended by {first.signal_name()}"))
    elif folder.record().status in ACTIVE:
        given = failure.read_text(encoding="utf-8") if failure.exists() else ""
        ended = f"the process on {devices[rank]} ended with code {first.exitcode}; the console log may say why"
        note_failure(folder, Exception(given or ended))
