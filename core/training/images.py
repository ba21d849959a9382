"""A split on a device: bytes in, normalised pixels out."""

from collections.abc import Iterator

import torch
from torch import Tensor

from core.data.dataset import DataSet, SplitName, groups

RESIDENT_BYTES = 4 << 30
"""Splits up to this size live on the device whole; larger ones stay in main memory and travel batch by batch."""


class Images:
    """Images, labels and group numbers of one split, served in batches on `device`.

    Args:
        dataset: where the split and its normalisation come from.
        split: `train`, `validation` or `test`.
        device: where batches are wanted.
    """

    def __init__(self, dataset: DataSet, split: SplitName, device: torch.device) -> None:
        arrays = dataset.splits[split]
        self.device = device
        self._pixels = torch.from_numpy(arrays.images)
        if self._pixels.numel() <= RESIDENT_BYTES:
            self._pixels = self._pixels.to(device)
        self.labels = torch.from_numpy(arrays.labels).to(device)
        self.groups = torch.from_numpy(groups(arrays, dataset)).to(device)
        shape = (1, -1, 1, 1)
        self._scale = (1 / (255 * torch.tensor(dataset.std))).view(shape).to(device)
        self._shift = (-torch.tensor(dataset.mean) / torch.tensor(dataset.std)).view(shape).to(device)

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: Tensor) -> Tensor:
        """Normalised pixels [batch, channels, height, width] of the images at `indices` [batch]."""
        return self._normalised(self._pixels[indices.to(self._pixels.device)])

    def in_order(self, batch_size: int) -> Iterator[tuple[slice, Tensor]]:
        """Walk the split once, in its order: (which rows, their pixels)."""
        for start in range(0, len(self), batch_size):
            rows = slice(start, min(start + batch_size, len(self)))
            yield rows, self._normalised(self._pixels[rows])

    def _normalised(self, raw: Tensor) -> Tensor:
        # Channels last: convolutions of few channels run about twice as fast on a CPU, and as fast or faster on a GPU.
        pixels = raw.to(self.device, non_blocking=True).to(torch.float32, memory_format=torch.channels_last)
        return torch.addcmul(self._shift, pixels, self._scale)
