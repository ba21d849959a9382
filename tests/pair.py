"""Two processes that share their work."""

from collections.abc import Callable
from typing import Any

from torch import multiprocessing as mp

from tests import forked


def in_two_processes(function: Callable[..., None], *arguments: Any) -> None:
    """Call `function(rank, *arguments)` in two processes, copies of one that imports torch and its compiler once."""
    forked.server()
    mp.start_processes(function, arguments, 2, start_method="forkserver")
