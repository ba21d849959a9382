"""What SLURM knows of its partitions and jobs, by its own commands (no torch)."""

import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError

PATIENCE = 20.0
"""Seconds for a command of SLURM."""
KEPT = 3.0
"""Seconds for which a list of jobs is used again."""

PENDING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
ENDED = frozenset(
    {
        *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE"),
        *("OUT_OF_MEMORY", "REVOKED"),
    }
)
"""States of a job that has ended; in all others but `PENDING` it is at work."""
NEVER = frozenset(
    {
        *("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "InvalidAccount", "InvalidQOS"),
        *("DependencyNeverSatisfied", "JobHoldMaxRequeue", "launch failed requeued held"),
    }
)
"""Reasons of a pending job for which it does not start however long it waits."""

HELD = frozenset({"JobHeldUser", "JobHeldAdmin", "job requeued in held state"})
"""Reasons of a pending job that does not start before somebody releases it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as SLURM sees it: its state and the reason of that, in SLURM's words, and its node, empty without one."""

    state: str
    reason: str = ""
    node: str = ""

    @property
    def words(self) -> str:
        """State and reason, as SLURM says them."""
        return f"{self.state} ({self.reason})" if self.reason not in ("", "None") else self.state


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: whether it is the default one, and its time limits in minutes, None where there is none."""

    default: bool
    minutes: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of a user by id, such as `12` or `12_3`, at a moment in seconds since 1970."""

    by_id: Mapping[str, Job]
    taken: float


_lists: dict[int, Jobs] = {}


def ask(*command: str, text: str | None = None) -> str:
    """Run a command of SLURM, with `text` on its standard input, and return what it prints.

    Raises InputError with the last words of SLURM if it fails, or if there is no such command.
    """
    if shutil.which(command[0]) is None:
        raise InputError(f"there is no SLURM here: {command[0]} was not found; use another --launcher")
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"SLURM does not answer: {command[0]} took more than {PATIENCE:.0f} s") from None
    except OSError as error:
        raise InputError(f"SLURM does not answer: {command[0]} could not be started ({error.strerror})") from None
    if done.returncode:
        raise InputError(f"SLURM says: {last_words(done.stderr or done.stdout)}")
    return done.stdout


def last_words(said: str) -> str:
    """The last line of an error message of SLURM, without the name of the command."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason given"
    for prefix in ("sbatch: ", "error: ", "allocation failure: ", "Batch job submission failed: "):
        last = last.removeprefix(prefix)
    return last.strip()


def partitions() -> dict[str, Partition]:
    """The partitions of the cluster by name; raises InputError as `ask`."""
    found = {}
    for line in ask("sinfo", "--noheader", "--format=%P|%L|%l").splitlines():
        name, usual, most = line.split("|")
        found[name.rstrip("*")] = Partition(name.endswith("*"), _minutes(usual), _minutes(most))
    return found


def jobs(user: int, since: float = 0.0) -> Jobs:
    """The jobs of a user, given by number, those that ended lately included; the list is not from before `since`.

    Raises InputError as `ask`.
    """
    kept = _lists.get(user)
    if kept is not None and kept.taken >= since and 0 <= time.time() - kept.taken < KEPT:
        return kept
    now = time.time()
    found = {}
    options = ("--noheader", "--array", "--states=all", f"--user={user}", "--format=%i|%T|%r|%N")
    for line in ask("squeue", *options).splitlines():
        id, state, reason, node = line.split("|", 3)
        found[id] = Job(state, reason, node)
    _lists[user] = Jobs(found, now)
    return _lists[user]


def cancel(ids: Sequence[str]) -> None:
    """Cancel jobs, if there are any; one that has ended meanwhile is no error."""
    if ids:
        _lists.clear()
        ask("scancel", "--quiet", *ids)


def _minutes(text: str) -> int | None:
    """Minutes of `5:00`, `1:00:00` or `2-00:00:00`; None for words such as infinite."""
    if not text[:1].isdigit():
        return None
    days, _, clock = text.rpartition("-")
    seconds = 0
    for part in clock.split(":"):
        seconds = 60 * seconds + int(part)
    return int(days or 0) * 24 * 60 + seconds // 60
