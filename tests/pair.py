"""Two processes that share their work."""

import multiprocessing
from collections.abc import Callable
from typing import Any

from torch import multiprocessing as mp


def in_two_processes(function: Callable[..., None], *arguments: Any) -> None:
    """Call `function(rank, *arguments)` in two processes, copies of one that imports torch and its compiler once."""
    multiprocessing.set_forkserver_preload(["torch", "torch._dynamo", "torch.distributed"])
    mp.start_processes(function, arguments, 2, start_method="forkserver")
