"""What a run asks of the machine that a launcher finds for it (no torch)."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from core.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """GPUs, threads and time of a run; None leaves the choice to the launcher.

    Attributes:
        gpus: number of GPUs, each leased as a whole; 0 for a slot on the CPU.
        gpu_memory: GiB on one GPU that the run may share with others; excludes more than one GPU.
        threads: of the CPU.
        profile: name of a SLURM profile in the settings file.
        minutes: time limit of a job on a cluster.
    """

    gpus: int | None = None
    gpu_memory: float | None = None
    threads: int | None = None
    profile: str | None = None
    minutes: int | None = None

    def __post_init__(self) -> None:
        if self.gpus is not None and self.gpus < 0:
            raise InputError(f"--gpus {self.gpus}: expected a number of GPUs, 0 for the CPU")
        if self.gpu_memory is not None and self.gpu_memory <= 0:
            raise InputError(f"--gpu-memory {self.gpu_memory:g}: expected GiB, such as 6")
        if self.gpu_memory is not None and self.gpus not in (None, 1):
            raise InputError(f"--gpu-memory: is a share of one GPU; leave it out with --gpus {self.gpus}")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"--threads {self.threads}: expected at least 1")
        if self.minutes is not None and self.minutes < 1:
            raise InputError(f"--minutes {self.minutes}: expected at least 1")

    @property
    def asked(self) -> tuple[str, ...]:
        """The options that were given, as in `prusc run`."""
        return tuple(f"--{f.name.replace('_', '-')}" for f in fields(self) if getattr(self, f.name) is not None)

    def words(self) -> list[str]:
        """The options and their values, as in `prusc run`."""
        values = ((f"--{f.name.replace('_', '-')}", getattr(self, f.name)) for f in fields(self))
        return [word for option, value in values if value is not None for word in (option, f"{value}")]

    def to_json(self) -> dict[str, Any]:
        """The values that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Inverse of `to_json`; unknown keys are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: item for name, item in value.items() if name in known})


ANY = Resources()
"""Nothing in particular."""
