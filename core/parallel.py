"""Processes that share the work of one run, one on each device: who computes what, and what they exchange.

All processes run the same stage with the same random streams, so each draws the whole batch and knows its share of it.
Without a group, which is the usual case, this process has all the work, and torch.distributed is never used.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

PATIENCE = timedelta(days=365)
"""Time to wait for another process: the first one may work alone for days. One that has died ends all of them."""


class Team:
    """The processes of a run.

    Attributes:
        rank: number of this process; process 0 writes the run.
        size: number of processes.
        devices: of all processes by rank; empty for one process.
    """

    def __init__(self, rank: int = 0, devices: Sequence[torch.device] = (), failure: Path | None = None) -> None:
        self.rank = rank
        self.size = max(1, len(devices))
        self.devices = tuple(devices)
        self._failure = failure

    def share(self, whole: slice) -> slice:
        """Positions among start … stop that this process computes: every size-th of a batch or split.

        With fewer positions than processes, every process computes all of them.
        """
        start, stop = whole.start, whole.stop
        if self.size == 1 or stop - start < self.size:
            return whole
        return slice(start + (self.rank - start) % self.size, stop, self.size)

    def rows(self, whole: slice) -> slice:
        """Rows of the share of a batch that belong to positions start … stop of the batch."""
        return slice(-((self.rank - whole.start) // self.size), -((self.rank - whole.stop) // self.size))

    def positions(self, rows: slice) -> slice:
        """Positions in a batch of rows start … stop of the share of it."""
        if self.size == 1:
            return rows
        first, last = (self.rank + row * self.size for row in (rows.start, rows.stop - 1))
        return slice(first, last + 1, self.size)

    def joined(self, mine: Tensor, whole: slice) -> Tensor:
        """Rows of positions start … stop from all processes, in order, without gradient.

        Args:
            mine: rows of `share(whole)`, [share, …], of the same type everywhere.
            whole: the positions.
        """
        n = whole.stop - whole.start
        if self.size == 1 or n < self.size:
            return mine
        longest = mine.new_zeros((-(-n // self.size), *mine.shape[1:]))
        longest[: len(mine)] = mine.detach()
        pieces = [torch.empty_like(longest) for _ in range(self.size)]
        dist.all_gather(pieces, longest)
        first = whole.start % self.size  # the process that has the first position
        return torch.stack([*pieces[first:], *pieces[:first]], 1).flatten(0, 1)[:n]

    def sum_(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over the processes."""
        if self.size > 1:
            dist.all_reduce(tensor)

    def sums(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Sums of named scalars over the processes, in one exchange."""
        if self.size == 1:
            return dict(values)
        together = torch.stack(list(values.values()))
        self.sum_(together)
        return dict(zip(values, together, strict=True))

    def agreed(self, *answers: bool) -> tuple[bool, ...]:
        """The answers of process 0."""
        if self.size == 1:
            return answers
        said = torch.tensor(answers, dtype=torch.uint8)
        dist.broadcast(said, 0)
        return tuple(map(bool, said.tolist()))

    def gathered(self, value: Any) -> list[Any]:
        """The messages of all processes, by rank."""
        if self.size == 1:
            return [value]
        said: list[Any] = [None] * self.size
        dist.all_gather_object(said, value)
        return said

    def tell(self, value: Any = None) -> Any:
        """Return the message of process 0; the others wait for it."""
        if self.size == 1:
            return value
        said = [value]
        dist.broadcast_object_list(said, 0)
        return said[0]

    def blame(self, reason: str) -> str:
        """Say why this process fails, and return why the first of all did: what follows is only a consequence."""
        if self._failure is None:
            return reason
        mine = self._failure.with_suffix(f".{self.rank}")
        mine.write_text(reason, encoding="utf-8")
        try:
            os.link(mine, self._failure)  # whole or not at all
        except FileExistsError:
            return self._failure.read_text(encoding="utf-8")
        return reason


_ALONE = Team()
_formed = _ALONE
_active = _ALONE


def formed() -> Team:
    """The processes of this run; like torch's default group, there is one team in a process."""
    return _formed


def team() -> Team:
    """The processes that share the current work: those of the run in a parallel stage, elsewhere this one alone."""
    return _active


@contextmanager
def together() -> Iterator[None]:
    """Share the work with all processes of the run while the context is open, which it must be in each of them."""
    global _active
    _active = _formed
    try:
        yield
    finally:
        _active = _ALONE


@contextmanager
def form(
    rank: int, devices: Sequence[torch.device], failure: Path | None = None, init_method: str = "env://"
) -> Iterator[Team]:
    """Form the team of a run; every process calls this once, and waits here for the others.

    Args:
        rank: number of this process.
        devices: of all processes by rank: different GPUs, or other devices for tests.
        failure: file for the reason of the first failure, in an empty folder.
        init_method: how the processes find each other, as in `torch.distributed.init_process_group`.
    """
    global _formed
    dist.init_process_group(
        _backend(devices), init_method=init_method, rank=rank, world_size=len(devices), timeout=PATIENCE
    )
    _formed = Team(rank, devices, failure)
    try:
        yield _formed
    finally:
        _formed = _ALONE
    dist.destroy_process_group()  # not after an error, as the others may never come


def _backend(devices: Sequence[torch.device]) -> str:
    """NCCL between different GPUs; Gloo for what is exchanged in main memory, and everything else."""
    apart = len(set(devices)) == len(devices) and all(device.type == "cuda" for device in devices)
    return "cpu:gloo,cuda:nccl" if apart and dist.is_nccl_available() else "gloo"
