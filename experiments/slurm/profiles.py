"""Profiles of the user: what a job asks of a cluster, as tables `[slurm.NAME]` of the settings file (no torch)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from core.errors import InputError, nearest
from experiments.resources import Resources
from experiments.slurm.cluster import Partition, partitions
from experiments.user_settings import read_toml, settings_path

DEFAULT = "default"
"""Name of the profile that is used if none is named."""
DAY = 24 * 60
"""Minutes of a job for which neither the user nor the partition has a limit."""
OURS = ("array", "error", "job-name", "open-mode", "output", "requeue", "signal", "test-only", "wrap")
"""Options of sbatch that are not the user's to set."""

_WORDS = ("partition", "account", "qos", "constraint")
_NUMBERS = {"minutes": 1, "gpus": 0, "threads": 1, "at_once": 1}
"""Whole numbers and the smallest that makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a job asks for; None and empty leave it to the cluster.

    Attributes:
        minutes: time limit; a run that needs longer goes on in further jobs.
        gpus: number of GPUs; 0 for the CPU.
        threads: of the CPU.
        memory_gb: main memory in GiB.
        at_once: most jobs of an array that run at the same time.
        setup: lines of shell before the run, such as `module load cuda`.
        sbatch: further options of sbatch and their values.
    """

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    minutes: int | None = None
    gpus: int | None = None
    threads: int | None = None
    memory_gb: float | None = None
    at_once: int | None = None
    setup: tuple[str, ...] = ()
    sbatch: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What the jobs of some runs ask for: a profile with a time limit, and the device of the runs on their node."""

    profile: Profile
    minutes: int
    device: str

    @property
    def threads(self) -> int:
        """Threads of the CPU; one unless asked for more, as SLURM itself has it."""
        return self.profile.threads or 1

    def parameters(self) -> dict[str, Any]:
        """The parameters of submitit's executor."""
        own = self.profile
        wanted = {
            **{name: getattr(own, name) or None for name in _WORDS},
            "job_name": "prusc",
            "time": self.minutes,
            "gpus_per_node": own.gpus or None,
            "cpus_per_task": self.threads,
            "mem": None if own.memory_gb is None else f"{int(own.memory_gb * 1024)}M",
            "array_parallelism": own.at_once,
            "setup": list(own.setup) or None,
            # SLURM sends it up to a minute early; a step and its checkpoint must fit in.
            "signal_delay_s": min(120, self.minutes * 60 // 4),
            "stderr_to_stdout": True,
            "srun_args": [f"--cpus-per-task={self.threads}"],  # which srun no longer takes from the job by itself
            "additional_parameters": {**own.sbatch, "requeue": True},
        }
        return {name: value for name, value in wanted.items() if value is not None}


def request(device: str, resources: Resources) -> Request:
    """What runs on `device` with these resources ask for, as their profile and the cluster say.

    Raises InputError if the profile or its partition does not exist, or what is asked for contradicts itself.
    """
    if ":" in device:
        raise InputError(f"--device {device}: SLURM chooses the GPU; use --device cuda, cpu or auto, and --gpus")
    if device == "cpu" and resources.gpus:
        raise InputError("--device cpu: cannot be combined with --gpus")
    if device == "cuda" and resources.gpus == 0:
        raise InputError("--device cuda: cannot be combined with --gpus 0")
    profile = read_profile(resources.profile)
    gpus = profile.gpus if resources.gpus is None else resources.gpus
    gpus = 0 if device == "cpu" else gpus or int(device == "cuda")
    threads, minutes = resources.threads or profile.threads, resources.minutes or profile.minutes
    profile = replace(profile, gpus=gpus, threads=threads, minutes=minutes)
    # Without a GPU of its own, a run must not take one that it can see.
    several = ",".join(f"cuda:{number}" for number in range(gpus))
    return Request(profile, _limit(profile), {0: "cpu", 1: "cuda"}.get(gpus, several))


def read_profile(name: str | None) -> Profile:
    """The profile called `name`, else the one called default, else one that leaves everything to the cluster.

    Raises InputError, which names the nearest, if there is no such profile, or a key or value of it is wrong.
    """
    path = settings_path()
    tables = read_toml(path).get("slurm", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise InputError(f"{path}: slurm must have one table for each profile, as in [slurm.{DEFAULT}]")
    if name is None and DEFAULT not in tables:
        return Profile()
    name = name or DEFAULT
    if name not in tables:
        known = sorted(tables)
        listed = f"it has {', '.join(known)}" if known else "it has none"
        raise InputError(f"--profile {name}: {path} has no table [slurm.{name}]{nearest(name, known)}; {listed}")
    where = f"{path}, [slurm.{name}]"
    keys = [f.name for f in fields(Profile)]
    for key in tables[name]:
        if key not in keys:
            raise InputError(f"{where}: unknown key '{key}'{nearest(key, keys)}")
    return Profile(**{key: _checked(key, value, where) for key, value in tables[name].items()})


def _checked(key: str, value: Any, where: str) -> Any:
    if key in _WORDS:
        return _text(value, f"{where}: {key}")
    if key in _NUMBERS:
        if type(value) is not int or value < _NUMBERS[key]:
            raise InputError(f"{where}: {key} must be a whole number from {_NUMBERS[key]}")
        return value
    if key == "memory_gb":
        if type(value) not in (int, float) or value <= 0:
            raise InputError(f"{where}: memory_gb must be GiB, such as 32")
        return float(value)
    if key == "setup":
        if not isinstance(value, list):
            raise InputError(f'{where}: setup must be a list of lines, such as ["module load cuda"]')
        return tuple(_text(line, f"{where}: setup") for line in value)
    if not isinstance(value, dict):
        raise InputError(f"{where}: sbatch must be a table of options and values, such as {{ reservation = 'paper' }}")
    for option, its in value.items():
        if not re.fullmatch("[a-z][a-z-]*", option) or option in OURS:
            raise InputError(f"{where}: sbatch cannot have option '{option}'")
        if its is not True and type(its) not in (int, float):
            _text(its, f"{where}: sbatch.{option}")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise InputError(f"{what} must be text in one line")
    return value


def _limit(profile: Profile) -> int:
    """Time limit of a job in minutes: the one asked for, else the usual one of the partition."""
    known = partitions()
    name = profile.partition or next((name for name, found in known.items() if found.default), "")
    if name not in known and profile.partition:
        listed = ", ".join(known)
        raise InputError(f"SLURM has no partition '{name}'{nearest(name, list(known))}; it has {listed}")
    partition = known.get(name, Partition(default=False, minutes=None, most=None))
    if profile.minutes and partition.most and profile.minutes > partition.most:
        raise InputError(f"--minutes {profile.minutes}: partition '{name}' allows at most {partition.most}")
    return profile.minutes or partition.minutes or partition.most or DAY
