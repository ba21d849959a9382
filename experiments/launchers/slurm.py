"""Runs as jobs of SLURM, through submitit: many runs are one job array."""

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE, RunRecord
from experiments.launchers import Launcher, stopped
from experiments.plan import config_of, sharing_keys
from experiments.resources import ANY, Resources
from experiments.slurm import cluster
from experiments.slurm.job import LAUNCHER, SUBMITTING, RunJob
from experiments.slurm.outcome import NOBODY, has_job, held, job_of, settle
from experiments.slurm.profiles import Request, request

if TYPE_CHECKING:
    from submitit import SlurmExecutor

LARGEST = 1000
"""Jobs of one array; SLURM allows so many unless told otherwise."""
UNLIMITED = 100_000
"""Times that a job is queued again after its time limit; a run that makes no progress fails earlier."""
DIES_WITHIN = 60.0
"""Seconds to wait for the end of a cancelled job: SLURM kills it after 30 s by default, if it has not ended by then."""


class SlurmLauncher(Launcher):
    """Submits runs to SLURM; each continues in another job if it is preempted or its time is up."""

    name = LAUNCHER
    summary = "On a cluster, as a job of SLURM."
    where = "is job {job} of SLURM (see: squeue)"
    queues = True
    takes = ("--gpus", "--threads", "--profile", "--minutes")

    def check(self, device: str, resources: Resources = ANY) -> None:
        from core.engine.devices import check_name

        check_name(device)
        if find_spec("submitit") is None:
            raise InputError("--launcher slurm: needs submitit; pip install 'prusc-tui[slurm]'")
        script = _executor(Home.open(create=False), request(device, resources))._make_submission_file_text("", "")
        cluster.ask("sbatch", "--test-only", text=script)

    def start(self, folder: RunFolder, *, device: str, fresh: bool, resources: Resources = ANY) -> None:
        self.start_all([folder], device=device, fresh=fresh, resources=resources)

    def start_all(self, folders: Sequence[RunFolder], *, device: str, fresh: bool, resources: Resources = ANY) -> None:
        wanted, home = request(device, resources), folders[0].home
        cluster.cancel([folder.record().job for folder in folders if _is_known(folder)])
        for folder in folders:
            folder.clear_stop()  # left by a process that died
            folder.update(status="queued", launcher=self.name, job=SUBMITTING, reason="", **NOBODY)
        first, later = (folders, []) if fresh else _waves(folders)
        try:
            before = _submit(home, first, wanted, fresh)
            _submit(home, later, wanted, fresh, f"afterany:{':'.join(before)}")
        except InputError as error:
            for folder in folders:
                if folder.record().job == SUBMITTING:
                    folder.update(status="failed", job="", reason=str(error))
            raise
        finally:
            RunLog(home).put_all([folder.id for folder in folders])

    def stop(self, folder: RunFolder) -> None:
        self.stop_all([folder])

    def stop_all(self, folders: Sequence[RunFolder]) -> None:
        """Cancel the jobs of runs that wait, all at once; ask those that run to stop."""
        home = folders[0].home
        settle(home, [folder.id for folder in folders])
        waiting = [folder for folder in folders if folder.record().status == "queued"]
        cluster.cancel([record.job for folder in waiting if has_job(record := folder.record())])
        stopped(folders, waiting)

    def kill(self, folder: RunFolder) -> None:
        record = self.state(folder)
        if record.status not in ACTIVE or not has_job(record):
            raise InputError(f"run '{record.name}' is {record.status}: there is no process to kill")
        if record.status == "queued":
            raise InputError(f"run '{record.name}' waits for SLURM: there is no process to kill; stop it instead")
        cluster.cancel([record.job])
        until = time.monotonic() + DIES_WITHIN
        while self.state(folder).status in ACTIVE:
            if time.monotonic() > until:
                raise InputError(f"job {record.job} of run '{record.name}' has not ended yet; check again later")
            time.sleep(0.5)

    def state(self, folder: RunFolder) -> RunRecord:
        settle(folder.home, [folder.id])
        record = folder.settled()
        if record.status == "queued" and has_job(record):
            with suppress(InputError):  # no answer
                if (job := job_of(folder, record)) is not None and job.state in cluster.PENDING:
                    return replace(record, reason=f"job {record.job}: {job.words}")
        return record

    def settle(self, home: Home, ids: Sequence[str]) -> bool:
        return settle(home, ids)

    def held(self, home: Home, runs: Sequence[Mapping[str, Any]]) -> set[str]:
        return held(home, runs)

    def log_path(self, folder: RunFolder) -> Path:
        record = folder.record()
        if folder.log.exists() or not has_job(record):
            return folder.log
        return _output(folder.home) / f"{record.job}_0_log.out"


def _waves(folders: Sequence[RunFolder]) -> tuple[list[RunFolder], list[RunFolder]]:
    """Runs that start at once, and those that need a stage first that one of these computes.

    These would otherwise hold their nodes while they wait.
    """
    first: list[RunFolder] = []
    later: list[RunFolder] = []
    begun: set[str] = set()
    for folder in folders:
        record = folder.record()
        stages = zip(sharing_keys(config_of(record)), record.stages, strict=False)
        key = next((key for key, stage in stages if stage.status != "done"), "")
        (later if key in begun else first).append(folder)
        begun |= {key} - {""}
    return first, later


def _submit(
    home: Home, folders: Sequence[RunFolder], wanted: Request, fresh: bool, after: str | None = None
) -> list[str]:
    """Submit runs as arrays, which start `after` other jobs, and return the numbers of the arrays."""
    executor, numbers = _executor(home, wanted, after), []
    for at in range(0, len(folders), LARGEST):
        some = folders[at : at + LARGEST]
        with _refusal():
            jobs = executor.submit_array(
                [RunJob(str(home.root), folder.id, wanted.device, fresh, wanted.threads) for folder in some]
            )
        for folder, job in zip(some, jobs, strict=True):
            folder.update(job=job.job_id)
        numbers.append(jobs[0].job_id.partition("_")[0])
    return numbers


def _executor(home: Home, wanted: Request, after: str | None = None) -> "SlurmExecutor":
    from submitit import SlurmExecutor

    with _refusal():
        executor = SlurmExecutor(_output(home), max_num_timeout=UNLIMITED)
        executor.update_parameters(**wanted.parameters(), dependency=after)
    return executor


def _output(home: Home) -> Path:
    """The folder of submitit: scripts, what runs, and what is printed before and after it."""
    return home.root / "slurm"


@contextmanager
def _refusal() -> Iterator[None]:
    """Turn what SLURM or submitit refuses into an InputError with their words."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        with redirect_stderr(io.StringIO()):  # which has the same words
            yield
    except (FailedJobError, FailedSubmissionError) as error:
        raise InputError(f"SLURM says: {cluster.last_words(str(error))}") from None
    except RuntimeError:
        raise InputError("there is no SLURM here: srun was not found; use another --launcher") from None


def _is_known(folder: RunFolder) -> bool:
    """Whether SLURM still has a job of a run that is to be started again."""
    record = folder.record()
    if not has_job(record):
        return False
    job = job_of(folder, record)
    return job is not None and job.state not in cluster.ENDED
