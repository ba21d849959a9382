"""Handling of out-of-memory: estimate what would fit, and optionally continue with smaller parts."""

import gc
import math
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from core import gpu
from core.config import Compute
from core.errors import StageError
from core.events import Warned
from core.parallel import team
from core.training.precision import Precision

if TYPE_CHECKING:
    from core.engine.context import StageContext

T = TypeVar("T")

_ALLOCATION_FAILED = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


class Snapshot:
    """Snapshot of the random streams of a stage and the buffers of a network."""

    def __init__(self, context: "StageContext", network: nn.Module | None) -> None:
        self._context = context
        self._network = network or nn.Module()
        self._streams: dict[str, Any] = context.streams.state_dict(context.device)
        self._buffers: list[Tensor] = [buffer.clone() for buffer in self._network.buffers()]

    @torch.no_grad()
    def restore(self) -> None:
        """Restore streams and buffers."""
        self._context.streams.load_state_dict(self._streams, self._context.device)
        for buffer, saved in zip(self._network.buffers(), self._buffers, strict=True):
            buffer.copy_(saved)


class Parts:
    """Number of parts in which a batch is computed: from the settings, or more if memory runs out and that is allowed.

    Args:
        context: of the stage.
        compute: settings.
        setting: name of the batch size setting.
        network: its buffers change in training; None without training, where `compute.accumulate` is ignored.

    Attributes:
        count: parts per batch.
    """

    def __init__(
        self, context: "StageContext", compute: Compute, setting: str, network: nn.Module | None = None
    ) -> None:
        self.count = 1 if network is None else compute.accumulate
        self._context = context
        self._auto = compute.auto_batch and team().size == 1  # the others cannot begin a batch again
        self._setting = setting
        self._network = network

    def of(self, samples: slice) -> list[slice]:
        """Split samples start … stop into non-empty parts of almost equal size."""
        n = samples.stop - samples.start
        count = min(self.count, n)
        ends = [samples.start + i * n // count for i in range(count + 1)]
        return [slice(start, end) for start, end in pairwise(ends)]

    def attempt(self, n: int, work: Callable[[], T]) -> T:
        """Call `work`, which computes `n` samples in parts.

        If memory runs out and continuing is allowed, random streams and buffers are restored, the number of parts is
        doubled, and `work` is called again; it must itself reset anything else that it changes.

        Raises:
            StageError: memory ran out; the message says which size would fit.
        """
        while True:
            before = Snapshot(self._context, self._network) if self._auto else None
            try:
                return work()
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                size = math.ceil(n / min(self.count, n))
                if before is None or size == 1:
                    raise self._refusal(size) from error
            # Outside the except block, as the traceback holds the tensors of the failed attempt.
            self._release()
            before.restore()
            self._halve(n, size)

    def forward(
        self, network: Callable[[Tensor], tuple[Tensor, ...]], pixels: Tensor, precision: Precision, rows: slice
    ) -> tuple[Tensor, ...]:
        """Outputs of a network for some rows of a split, computed in parts without gradient.

        Args:
            network: returns outputs with one row per image.
            pixels: of the rows, [n, channels, height, width]; in a team those of this process's share of them.
            precision: of the forward pass.
            rows: start … stop.
        """

        def work() -> tuple[Tensor, ...]:
            with torch.no_grad(), precision.forward():
                pieces = [network(pixels[part]) for part in self.of(slice(0, len(pixels)))]
            return tuple(team().joined(torch.cat(outputs), rows) for outputs in zip(*pieces, strict=True))

        return self.attempt(len(pixels), work)

    def _halve(self, n: int, size: int) -> None:
        self.count = min(2 * self.count, n)
        fits = math.ceil(n / self.count)
        again = f"; set compute.accumulate={self.count} to start with it" if self._network is not None else ""
        text = f"Out of memory with {size} images at a time; continuing with {fits} at a time, the same batches{again}."
        self._context.emit(Warned(self._context.stage, "auto-batch", text))

    def _refusal(self, size: int) -> StageError:
        where = f"out of memory on {self._context.device} with {size} image{'s' * (size > 1)} at a time"
        if size == 1:
            return StageError(where, "try a smaller network, smaller images, or a device with more memory")
        half = size // 2
        same = f", or compute.accumulate={2 * self.count} for the same batches" if self._network is not None else ""
        fits = f"about {half} would fit: set {self._setting}={half * team().size}{same}"
        return StageError(where, fits if team().size > 1 else f"{fits}, or use --auto-batch")

    def _release(self) -> None:
        gc.collect()
        if self._context.device.type == "cuda":
            with suppress(RuntimeError):
                gpu.release_memory()


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of any library means that the device is out of memory."""
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in _ALLOCATION_FAILED)
