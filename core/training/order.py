"""Order of the samples: endless full batches, with a state that can be saved."""

from typing import Any

import torch
from torch import Tensor


class Order:
    """Batches of positions 0 … n−1: every position once per pass; batches may span passes, so they are always full.

    With `weights` [n], a pass consists of n draws with replacement, in proportion to the weights.

    Args:
        n: number of samples.
        batch_size: positions per batch.
        generator: on the CPU.
        weights: of the samples, not negative.
    """

    def __init__(self, n: int, batch_size: int, generator: torch.Generator, weights: Tensor | None = None) -> None:
        self._n = n
        self._batch_size = batch_size
        self._generator = generator
        self._weights = weights
        self._queue = torch.empty(0, dtype=torch.int64)

    def next(self) -> Tensor:
        """Return the next batch: int64 [batch_size] on the CPU."""
        queue = self._filled(self._generator)
        batch, self._queue = queue[: self._batch_size], queue[self._batch_size :]
        return batch

    def peek(self) -> Tensor:
        """Return the batch that `next` will return, without changing order or generator."""
        spare = torch.Generator()
        if len(self._queue) < self._batch_size:
            spare.set_state(self._generator.get_state())
        return self._filled(spare)[: self._batch_size]

    def state_dict(self) -> dict[str, Any]:
        """Positions drawn but not returned yet; the generator is saved by its owner."""
        return {"queue": self._queue.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self._queue = state["queue"]

    def _filled(self, generator: torch.Generator) -> Tensor:
        queue = self._queue
        while len(queue) < self._batch_size:
            queue = torch.cat([queue, self._pass(generator)])
        return queue

    def _pass(self, generator: torch.Generator) -> Tensor:
        if self._weights is None:
            return torch.randperm(self._n, generator=generator)
        return torch.multinomial(self._weights, self._n, replacement=True, generator=generator)
