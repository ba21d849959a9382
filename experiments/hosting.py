"""The engine of this process: every run hosted here is one of its jobs (no torch before the first one)."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.engine.engine import Engine, note_failure
from core.errors import InputError
from core.runs.disk import FULL, is_full
from core.runs.folder import RunFolder
from core.runs.lease import machine_leases
from core.runs.text import safe_text
from experiments.beside import beside
from experiments.notify import tell

if TYPE_CHECKING:
    from core.config import Config
    from core.engine.engine import Job
    from core.engine.stage import Pipeline

LOOK_EVERY = 0.05
"""Seconds between two looks at a run that is worked on."""


def _build(config: "Config") -> "Pipeline":
    from experiments.plan import build_pipeline

    return build_pipeline(config)


def _spread(job: "Job") -> str:
    from experiments.torchrun import host

    return host(job)


ENGINE = Engine(_build, beside, _spread)


def work(folder: RunFolder, device: str, begun: "Callable[[Job], object]", *, fresh: bool = False) -> int:
    """Run one run to its end, as the work of this process; imports torch.

    `begun` is called with its job, on this thread, which then takes no locks: handlers of signals may wait for the job.
    Returns 0 if finished or stopped, 1 if failed, 2 if it could not start.
    """
    try:
        job = _submitted(folder, device, fresh)
    except Exception as error:
        note_failure(folder, error)
        tell(folder)
        return _code(error)
    begun(job)
    while not job.over:
        time.sleep(LOOK_EVERY)
    if job.error is not None:
        note_failure(folder, job.error)
        return _code(job.error)
    return 1 if job.status == "failed" else 0


def _code(error: Exception) -> int:
    """The exit code for the reason why a run could not start; raises it unless it is a sentence for the user."""
    if is_full(error):
        sys.stderr.write(f"error: {FULL}\n")
        return 1
    if not isinstance(error, InputError):
        raise error
    sys.stderr.write(f"error: {safe_text(str(error))}\n")
    return 2


def _submitted(folder: RunFolder, device: str, fresh: bool) -> "Job":
    from core.engine.devices import pick_all
    from experiments.plan import config_of

    config = config_of(folder.record())
    return ENGINE.submit(folder, config, *pick_all(device, machine_leases()), fresh=fresh)
