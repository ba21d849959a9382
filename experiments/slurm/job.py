"""What runs in a job of SLURM, by way of submitit: one run, which continues in another job if this one must end."""

import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.feed.progress import ProgressReader
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments.hosting import LOOK_EVERY, work
from experiments.notify import tell

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

    from core.engine.engine import Job

LAUNCHER = "slurm"
"""Name of the launcher."""
SUBMITTING = "slurm"
"""Job of a run in its record until SLURM has given it a number."""
FRUITLESS = 3
"""Jobs of a run in a row that end before its first step, after which it fails."""


@dataclass
class RunJob:
    """Runs one run; submitit calls it in the job, and `checkpoint` if the job is preempted or its time is up.

    Attributes:
        home: folder of the home.
        run: id of the run.
        device: on the node.
        fresh: whether every stage is computed, even if another run has its result.
        threads: of the CPU.
        fruitless: jobs in a row that ended before a step was done.
    """

    home: str
    run: str
    device: str
    fresh: bool
    threads: int
    fruitless: int = 0
    _job: "Job | None" = field(default=None, init=False, repr=False)
    _start: object = field(default=None, init=False, repr=False)

    def __call__(self) -> None:
        """Run the run to its end, unless it is no longer that of this job."""
        folder = RunFolder.open(Home.open(Path(self.home)), self.run)
        if not _claim(folder):
            sys.stdout.write(f"run {self.run} was stopped, or started again elsewhere\n")
            return
        os.environ["OMP_NUM_THREADS"] = str(self.threads)  # torch would take every core that it can see
        _log_to(folder.log)
        self._start = _position(folder)
        if code := work(folder, self.device, self._begun, fresh=self.fresh):
            sys.exit(code)

    def checkpoint(self) -> "DelayedSubmission | None":
        """Stop the run at its next step, with a checkpoint, and return the submission that continues it, if any."""
        from submitit.core.utils import DelayedSubmission

        for number in (signal.SIGUSR2, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        folder = RunFolder.open(Home.open(Path(self.home)), self.run)
        if (job := self._job) is not None:
            folder.request_stop(goes_on=True)
            job.stop()
            while not job.over:
                time.sleep(LOOK_EVERY)
            if folder.record().status != "queued":
                folder.clear_stop()
                sys.exit(1 if job.status == "failed" else 0)
        fruitless = self.fruitless + 1 if job is None or self._stands(folder) else 0
        if fruitless >= FRUITLESS:
            why = f"{fruitless} jobs of SLURM in a row ended before its next step; give it more --minutes"
            RunLog(folder.home).put(folder.update(status="failed", reason=why, job=""))
            tell(folder)
            return None
        return DelayedSubmission(replace(self, fruitless=fruitless))

    def _stands(self, folder: RunFolder) -> bool:
        """Whether no step was done of a stage that this run, and no other one, computes."""
        record = folder.record()
        at = record.unfinished
        return at is not None and record.stage(at).status == "running" and _position(folder) == self._start

    def _begun(self, job: "Job") -> None:
        self._job = job
        # Before it kills a job, SLURM terminates it: one that it preempts without more ado goes on later.
        signal.signal(signal.SIGTERM, lambda *_: self._terminated(job))

    def _terminated(self, job: "Job") -> None:
        if not job.stopping:
            job.folder.request_stop(goes_on=True)


def job_id() -> str:
    """Id of the job that this process is in, such as `12` or `12_3`; empty outside a job."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ.get("SLURM_JOB_ID", "")


def _claim(folder: RunFolder) -> bool:
    """Whether a run is still that of this job: it may have been started again elsewhere while the job waited."""
    record = folder.record()
    if record.launcher != LAUNCHER or record.job not in (job_id(), SUBMITTING):
        return False
    folder.update(job=job_id())
    return True


def _position(folder: RunFolder) -> object:
    """How far a run is: number of stages that are done, and its step."""
    at = ProgressReader(folder.events).look()
    return sum(stage.status == "done" for stage in folder.record().stages), at.stage, at.step


def _log_to(path: Path) -> None:
    """Send the output of this process, and of all that it starts, to the end of a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with path.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
