"""A split on a device: bytes in, normalised pixels out, the next batch fetched while a step is at work."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core.data.dataset import DataSet, Integers, Pixels, groups
from core.data.dataset import Images as Bytes
from core.data.splits import SplitName
from core.training.augment import augment, middle, on_device

if TYPE_CHECKING:
    from core.engine.context import StageContext

RESIDENT_BYTES = 4 << 30
"""Splits up to this size live on a GPU whole, if they leave most of its memory free; larger ones travel in batches."""
COPIED_AT_ONCE = 256 << 20
"""Bytes of a split that are on their way to a GPU together."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """Bytes on their way to the device, and on a GPU the event after which they are there."""

    bytes: Tensor
    arrived: torch.cuda.Event | None


class Images:
    """Images, labels and group numbers of one split, served in batches on `device`.

    A split that lies in memory serves batches at once. One that travels (from a mapped file, from files decoded on
    demand, from main memory to a GPU) fetches what `ahead` was told in a thread, which ends with this object.

    Args:
        dataset: where the split, its normalisation and the size of its crops come from.
        split: `train`, `validation` or `test`.
        device: where batches are wanted.
        augment: random stream of the crops and flips of `pixels`; None for the middle of every image.

    Attributes:
        labels: int64 [n] on `device`.
        groups: int64 [n] on `device`.
        shape: (channels, height, width) of an image as a network sees it.
        travels: whether `ahead` is of use.
    """

    def __init__(
        self, dataset: DataSet, split: SplitName, device: torch.device, augment: torch.Generator | None = None
    ) -> None:
        arrays = dataset.splits[split]
        self.device = device
        self.labels = torch.from_numpy(arrays.labels).to(device)
        self.groups = torch.from_numpy(groups(arrays, dataset)).to(device)
        self.shape = seen_shape(dataset)
        self._crop = dataset.crop
        self._augment = augment
        shape = (1, -1, 1, 1)
        self._scale = (1 / (255 * torch.tensor(dataset.std))).view(shape).to(device)
        self._shift = (-torch.tensor(dataset.mean) / torch.tensor(dataset.std)).view(shape).to(device)
        self._whole = _resident(arrays.images, device)
        self.travels = self._whole is None
        self._source: Pixels = arrays.images
        self._pending: tuple[Integers, Future[_Sent]] | None = None
        if self.travels:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"images-{split}")
        self._stream = torch.cuda.Stream(device) if self.travels and device.type == "cuda" else None

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: Tensor) -> Tensor:
        """Normalised pixels [batch, channels, height, width] of the images at `indices` [batch], on any device.

        With a random stream they are new at every call: a random part of each image, flipped half of the time.

        Raises:
            Exception: whatever kept the images from being read, ahead of time or now.
        """
        raw = self._raw(indices)
        if self._augment is None:
            return self._normalised(self._middle(raw))
        return self._normalised(augment(raw, self._crop or raw.shape[-1], self._augment))

    def plain(self, indices: Tensor) -> Tensor:
        """Like `pixels`, but always of the middle of every image, as `in_order` gives them."""
        return self._normalised(self._middle(self._raw(indices)))

    def ahead(self, indices: Tensor) -> None:
        """Begin to fetch the images at `indices` [batch], which will be asked for next; nothing where none travel."""
        if self.travels:
            rows = indices.cpu().numpy()
            self._pending = rows, self._thread.submit(self._fetch, rows)

    def in_order(self, batch_size: int, start: int = 0) -> Iterator[tuple[slice, Tensor]]:
        """Walk the split once, in its order, from row `start` on: (which rows, their pixels); never augmented."""
        parts = [slice(i, min(i + batch_size, len(self))) for i in range(start, len(self), batch_size)]
        if self._whole is not None:
            for rows in parts:
                yield rows, self._normalised(self._middle(self._whole[rows]))
            return
        following = self._thread.submit(self._fetch, parts[0]) if parts else None
        for i, rows in enumerate(parts):
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

    def _fetch(self, rows: Integers | slice) -> _Sent:
        """Read bytes and send them to the device; in the thread, or in the caller's where nothing was told ahead."""
        if self._stream is None:
            return _Sent(torch.from_numpy(_read(self._source, rows)), None)
        with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
            # A stream of its own, so that the copy runs beside the step.
            sent = _pinned(self._source, rows).to(self.device, non_blocking=True)
            return _Sent(sent, self._stream.record_event())

    def _received(self, sent: _Sent) -> Tensor:
        if sent.arrived is not None:
            now = torch.cuda.current_stream(self.device)
            now.wait_event(sent.arrived)  # the stream waits; this thread does not
            sent.bytes.record_stream(now)
        return sent.bytes

    def _middle(self, raw: Tensor) -> Tensor:
        return middle(raw, self._crop) if self._crop else raw

    def _normalised(self, raw: Tensor) -> Tensor:
        # Channels last: convolutions of few channels run about twice as fast on a CPU, and as fast or faster on a GPU.
        pixels = raw.to(torch.float32, memory_format=torch.channels_last)
        return torch.addcmul(self._shift, pixels, self._scale)


def seen_shape(dataset: DataSet) -> tuple[int, int, int]:
    """Channels, height and width of an image as a network sees it."""
    channels, height, width = dataset.splits["train"].images.shape[1:]
    return (channels, dataset.crop, dataset.crop) if dataset.crop else (channels, height, width)


def training_images(context: "StageContext", split: SplitName = "train") -> Images:
    """A split as a network is trained on it: augmented where the data set says so, from the stream `augment`."""
    stream = context.generator("augment", context.device) if context.data.augment else None
    return Images(context.data, split, context.device, stream)


def _resident(images: Pixels, device: torch.device) -> Tensor | None:
    """The whole split on `device`; None where it is to stay where it is."""
    if not isinstance(images, np.ndarray):
        return None
    if device.type != "cuda":
        mapped = isinstance(images, np.memmap) or not images.flags.writeable
        return None if mapped else torch.from_numpy(images).to(device)
    free, _ = torch.cuda.mem_get_info(device)
    if images.nbytes > min(RESIDENT_BYTES, free // 4):
        return None
    whole = torch.empty(images.shape, dtype=torch.uint8, device=device)
    step = max(1, COPIED_AT_ONCE * len(images) // max(1, images.nbytes))
    for start in range(0, len(images), step):
        whole[start : start + step].copy_(_pinned(images, slice(start, start + step)), non_blocking=True)
    return whole


def _read(images: Pixels, rows: Integers | slice) -> Bytes:
    """Copy rows into an array of their own; lets other threads run meanwhile."""
    if not isinstance(images, np.ndarray):
        return np.ascontiguousarray(images[rows])
    return np.array(images[rows]) if isinstance(rows, slice) else np.take(np.asarray(images), rows, axis=0)


def _pinned(images: Pixels, rows: Integers | slice) -> Tensor:
    """Copy rows into pinned memory, from which a GPU fetches them by itself."""
    if not isinstance(images, np.ndarray):
        return torch.from_numpy(_read(images, rows)).pin_memory()
    n = len(range(*rows.indices(len(images)))) if isinstance(rows, slice) else len(rows)
    host = torch.empty((n, *images.shape[1:]), dtype=torch.uint8, pin_memory=True)
    if isinstance(rows, slice):
        np.copyto(host.numpy(), images[rows])
    else:
        # `clip`, as `raise` would write into a copy first; rows are those of the split.
        np.take(np.asarray(images), rows, axis=0, out=host.numpy(), mode="clip")
    return host
