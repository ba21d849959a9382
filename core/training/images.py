"""A split on a device: normalised pixels in batches, with prefetching of the next batch."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core import gpu
from core.artifacts import PSEUDO_GROUPS
from core.data.dataset import DataSet, Integers, Pixels, groups
from core.data.dataset import Images as Bytes
from core.data.splits import SplitName
from core.finding.pseudo_groups import PseudoGroups
from core.parallel import team
from core.training.augment import augment, middle, on_device

if TYPE_CHECKING:
    from core.engine.context import StageContext

RESIDENT_BYTES = 4 << 30
"""Splits up to this size are kept on the GPU if most of its memory stays free; larger ones are copied in batches."""
ALL = slice(None)
"""All images of a batch."""
COPIED_AT_ONCE = 256 << 20
"""Bytes per copy when a split is moved to a GPU."""


class Images:
    """Images, labels and group indices of one split, in batches on `device`.

    If the split is not resident on the device (but in a mapped file, in files decoded on demand, or in main memory
    instead of a GPU), a thread prefetches the rows passed to `ahead`; it ends with this object.

    Args:
        dataset: of the split, its normalisation and the size of its crops.
        split: `train`, `validation` or `test`.
        device: of the batches.
        augment: random generator for crops and flips in `pixels`; None for the centre of every image.
        between: called before every batch of a pass over the split, such as to stop.

    Attributes:
        labels: int64 [n] on `device`.
        groups: int64 [n] on `device`.
        pseudo_groups: int64 [n] on `device`, with their names; None if unknown.
        shape: (channels, height, width) of an image as a network sees it.
        travels: whether batches must be fetched, so that `ahead` is useful.
    """

    def __init__(
        self,
        dataset: DataSet,
        split: SplitName,
        device: torch.device,
        augment: torch.Generator | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        arrays = dataset.splits[split]
        self.device = device
        self.labels = torch.from_numpy(arrays.labels).to(device)
        self.groups = torch.from_numpy(groups(arrays, dataset)).to(device)
        self.pseudo_groups: tuple[Tensor, tuple[str, ...]] | None = None
        self.shape = seen_shape(dataset)
        self._crop = dataset.crop
        self._augment = augment
        self.between = between
        shape = (1, -1, 1, 1)
        self._scale = (1 / (255 * torch.tensor(dataset.std))).view(shape).to(device)
        self._shift = (-torch.tensor(dataset.mean) / torch.tensor(dataset.std)).view(shape).to(device)
        self._whole = _resident(arrays.images, device)
        self.travels = self._whole is None
        self._source: Pixels = arrays.images
        self._pending: tuple[Integers, Future[Tensor | gpu.Sent]] | None = None
        if self.travels:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"images-{split}")
        self._courier = gpu.Courier(device) if self.travels and device.type == "cuda" else None

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: Tensor, share: slice = ALL) -> Tensor:
        """Normalised pixels [batch, channels, height, width] of the images at `indices` [batch], on any device.

        With augmentation, crops and flips are new at every call. Of a `share` of the batch, only the images at these
        positions are read and returned, with the crops and flips that they have in the whole batch.

        Raises:
            Exception: the error that occurred while reading, in the thread or now.
        """
        raw = self._raw(indices[share])
        if self._augment is None:
            return self._normalised(self._middle(raw))
        return self._normalised(augment(raw, self._crop or raw.shape[-1], self._augment, len(indices), share))

    def plain(self, indices: Tensor) -> Tensor:
        """Like `pixels`, but never augmented."""
        return self._normalised(self._middle(self._raw(indices)))

    def ahead(self, indices: Tensor) -> None:
        """Prefetch the images at `indices` [batch], which must be the next batch; does nothing for a resident split."""
        if self.travels:
            rows = indices.cpu().numpy()
            self._pending = rows, self._thread.submit(self._fetch, rows)

    def in_order(self, batch_size: int, start: int = 0) -> Iterator[tuple[slice, Tensor]]:
        """Yield (rows, pixels) of the whole split in order, from row `start` on; never augmented.

        In a team, the pixels are those of this process's share of the rows.
        """
        batches = [slice(i, min(i + batch_size, len(self))) for i in range(start, len(self), batch_size)]
        parts = [team().share(rows) for rows in batches]
        if self._whole is not None:
            for rows, part in zip(batches, parts, strict=True):
                self.between()
                yield rows, self._normalised(self._middle(self._whole[part]))
            return
        following = self._thread.submit(self._fetch, parts[0]) if parts else None
        for i, rows in enumerate(batches):
            self.between()
            assert following is not None
            raw = self._received(following.result())
            following = self._thread.submit(self._fetch, parts[i + 1]) if i + 1 < len(parts) else None
            yield rows, self._normalised(self._middle(raw))

    def _raw(self, indices: Tensor) -> Tensor:
        if self._whole is not None:
            return self._whole[on_device(indices, self.device)]
        rows = indices.cpu().numpy()
        if self._pending is None or not np.array_equal(self._pending[0], rows):
            return self._received(self._fetch(rows))
        (_, fetched), self._pending = self._pending, None
        return self._received(fetched.result())

    def _fetch(self, rows: Integers | slice) -> Tensor | gpu.Sent:
        """Read bytes, and send them to a GPU."""
        if self._courier is None:
            return torch.from_numpy(_read(self._source, rows))
        return self._courier.send(_pinned(self._source, rows, self.device))

    def _received(self, fetched: Tensor | gpu.Sent) -> Tensor:
        if isinstance(fetched, Tensor):
            return fetched
        assert self._courier is not None
        return self._courier.receive(fetched)

    def _middle(self, raw: Tensor) -> Tensor:
        return middle(raw, self._crop) if self._crop else raw

    def _normalised(self, raw: Tensor) -> Tensor:
        # Channels last: convolutions with few channels are about twice as fast on a CPU, and not slower on a GPU.
        pixels = raw.to(torch.float32, memory_format=torch.channels_last)
        return torch.addcmul(self._shift, pixels, self._scale)


def seen_shape(dataset: DataSet) -> tuple[int, int, int]:
    """Channels, height and width of an image as a network sees it."""
    channels, height, width = dataset.splits["train"].images.shape[1:]
    return (channels, dataset.crop, dataset.crop) if dataset.crop else (channels, height, width)


def split_images(context: "StageContext", split: SplitName) -> Images:
    """A split for predictions, which a stop request ends between two batches."""
    return Images(context.data, split, context.device, between=context.between_batches)


def training_images(context: "StageContext", split: SplitName = "train") -> Images:
    """A split for training: augmented if the data set says so, with the random stream `augment`."""
    stream = context.generator("augment", context.device) if context.data.augment else None
    return Images(context.data, split, context.device, stream, context.between_batches)


def validation_images(context: "StageContext", finder: str = "find") -> Images:
    """The validation split with the pseudo-groups of stage `finder`, if the run has it and it assigned any."""
    images, folder = split_images(context, "validation"), context.input(finder)
    found = PseudoGroups.load(folder) if (folder / PSEUDO_GROUPS).exists() else None
    if found is not None and found.validation is not None:
        images.pseudo_groups = torch.from_numpy(found.validation).to(context.device), found.names
    return images


def _resident(images: Pixels, device: torch.device) -> Tensor | None:
    """The whole split on `device`; None if it is not to be resident."""
    if not isinstance(images, np.ndarray):
        return None
    if device.type != "cuda":
        mapped = isinstance(images, np.memmap) or not images.flags.writeable
        return None if mapped else torch.from_numpy(images).to(device)
    if images.nbytes > min(RESIDENT_BYTES, gpu.free_memory(device) // 4):
        return None
    whole = torch.empty(images.shape, dtype=torch.uint8, device=device)
    step = max(1, COPIED_AT_ONCE * len(images) // max(1, images.nbytes))
    for start in range(0, len(images), step):
        whole[start : start + step].copy_(_pinned(images, slice(start, start + step), device), non_blocking=True)
    return whole


def _read(images: Pixels, rows: Integers | slice) -> Bytes:
    """Copy rows to a new array; releases the interpreter's lock."""
    if not isinstance(images, np.ndarray):
        return np.ascontiguousarray(images[rows])
    return np.array(images[rows]) if isinstance(rows, slice) else np.take(np.asarray(images), rows, axis=0)


def _pinned(images: Pixels, rows: Integers | slice, device: torch.device) -> Tensor:
    """Copy rows to pinned memory for an asynchronous copy to a GPU."""
    n = len(range(*rows.indices(len(images)))) if isinstance(rows, slice) else len(rows)
    host = gpu.pinned((n, *images.shape[1:]), torch.uint8, device)
    if isinstance(rows, slice) or not isinstance(images, np.ndarray):
        np.copyto(host.numpy(), images[rows])
    else:
        # With `raise`, numpy would use a temporary copy; the rows are valid anyway.
        np.take(np.asarray(images), rows, axis=0, out=host.numpy(), mode="clip")
    return host
