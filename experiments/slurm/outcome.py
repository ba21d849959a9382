"""What became of runs whose job ended, or waits again, without a word from the run itself (no torch)."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord
from experiments.notify import tell_outside
from experiments.slurm import cluster
from experiments.slurm.cluster import ENDED, HELD, NEVER, PENDING, Job
from experiments.slurm.job import LAUNCHER

NOBODY: dict[str, Any] = {"pid": None, "pid_started": None, "host": None}
"""Fields of a record that no process works on."""


def settle(home: Home, ids: Iterable[str]) -> bool:
    """Record what SLURM says of runs that are queued or running as far as they know; whether one has changed.

    The user is told of those that have ended, as their own processes cannot do so. Nothing changes while SLURM does not
    answer.
    """
    changed, ended = [], []
    for id in ids:
        with suppress(InputError):  # deleted meanwhile, or no answer
            folder = RunFolder.open(home, id)
            before = folder.record()
            changes, now = _settle(folder, before)
            if now != before:
                changed.append(id)
            if changes and now.status != "queued":
                ended.append(id)
    if changed:
        RunLog(home).put_all(changed)
    if ended:
        tell_outside(home, ended)
    return bool(changed)


def held(home: Home, runs: Iterable[Mapping[str, Any]]) -> set[str]:
    """Ids of those of these queued runs, given as summaries, whose jobs are held; none while SLURM does not answer."""
    found = set()
    with suppress(InputError):
        for run in runs:
            job = _job(RunFolder(home, run["id"]), run["job"])
            if job is not None and job.state in PENDING and job.reason in HELD:
                found.add(str(run["id"]))
    return found


def job_of(folder: RunFolder, record: RunRecord, since: float = 0.0) -> Job | None:
    """The job of a run as SLURM sees it, not before `since`; None if SLURM does not know it.

    Raises InputError if SLURM does not answer.
    """
    return _job(folder, record.job, since)


def _job(folder: RunFolder, number: str, since: float = 0.0) -> Job | None:
    try:
        owner = folder.record_path.stat().st_uid  # another user may look at the run
    except FileNotFoundError:
        return None  # deleted meanwhile
    return cluster.jobs(owner, since).by_id.get(number)


def has_job(record: RunRecord) -> bool:
    """Whether SLURM has given a run a number."""
    return record.launcher == LAUNCHER and record.job[:1].isdigit()


def _settle(folder: RunFolder, seen: RunRecord) -> tuple[dict[str, Any], RunRecord]:
    """Record what became of a run, seen just now, and return the fields that this changed, and its record now."""
    at = time.time()
    if not has_job(seen) or not _changes(seen, job_of(folder, seen)):
        return {}, seen
    # The list may be older than the record.
    job = job_of(folder, seen, since=at)
    changes = _changes(seen, job)
    if not changes:
        return {}, seen
    if job is not None and job.state in PENDING and changes["status"] == "failed":
        cluster.cancel([seen.job])
    applied: dict[str, Any] = {}

    def change(now: RunRecord) -> RunRecord:
        same = (now.status, now.launcher, now.job, now.pid, now.pid_started)
        before = (seen.status, seen.launcher, seen.job, seen.pid, seen.pid_started)
        applied.update(changes if same == before else {})
        return replace(now, **applied)

    now = folder.change(change)
    return applied, now


def _changes(record: RunRecord, job: Job | None) -> dict[str, Any]:
    """Fields of a record that are no longer as its job is."""
    state = job.state if job is not None else ""
    words = job.words if job is not None else "SLURM no longer knows it"
    if record.status == "queued":
        why = f"job {record.job}: {words}"
        if job is not None and state in PENDING:
            return {"status": "failed", "reason": why, "job": ""} if job.reason in NEVER else {}
        if state == "NODE_FAIL" and record.started is not None:
            return {"status": "running", "reason": why, **NOBODY}  # which is lost
        if job is None or state in ENDED:
            deliberate = record.started is not None or state == "CANCELLED"
            return {"status": "stopped" if deliberate else "failed", "reason": why, "job": ""}
    elif record.status == "running" and record.pid is not None:
        if state in PENDING:  # its node was lost, or it was preempted without a word
            return {"status": "queued", "working_since": None, **NOBODY}
        if state in ENDED:
            return {"reason": f"job {record.job}: {words}", "working_since": None, **NOBODY}
    return {}
