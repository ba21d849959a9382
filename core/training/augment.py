"""Random crops and flips of image batches, computed on the device without synchronisation."""

import math

import torch
from torch import Tensor

from core import gpu

AREA = (0.7, 1.0)
"""Range of a crop's share of the image area."""
RATIO = (3 / 4, 4 / 3)
"""Range of a crop's aspect ratio (width / height)."""
TRIES = 10
"""Number of attempts to draw a crop that fits into the image, before the central one is taken."""


def augment(
    images: Tensor, side: int, generator: torch.Generator, whole: int | None = None, share: slice | None = None
) -> Tensor:
    """Take a random crop of every image, resize it to a square, and flip it with probability ½.

    Args:
        images: [n, channels, height, width], bytes or numbers.
        side: of the squares in pixels.
        generator: on the device of the images or on the CPU.
        whole: number of images in the batch of which these are a share; crops and flips are drawn for all of them.
        share: positions of the images in that batch.

    Returns:
        float32 [n, channels, side, side], in the units of the images.
    """
    n, _, height, width = images.shape
    boxes = draw_boxes(whole or n, height, width, generator)
    flipped = torch.rand(whole or n, generator=generator, device=generator.device) < 0.5
    if share is not None:
        boxes, flipped = boxes[share], flipped[share]
    return resized_parts(images, on_device(boxes, images.device), side, on_device(flipped, images.device))


def draw_boxes(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Draw crops of n images, as torchvision's RandomResizedCrop does.

    Area, logarithm of the aspect ratio, and position are uniform; a crop that does not fit is drawn again.

    Returns:
        float32 [n, 4] with integer values, on the device of the generator: top, left, height, width.
    """
    drawn = torch.rand(n, 2 * TRIES + 2, generator=generator, device=generator.device)
    share, along, down, right = drawn.split((TRIES, TRIES, 1, 1), dim=1)
    area = height * width * (AREA[0] + (AREA[1] - AREA[0]) * share)
    low, high = (math.log(ratio) for ratio in RATIO)
    ratio = (low + (high - low) * along).exp()
    tall, wide = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()  # [n, tries]
    fits = (tall > 0) & (tall <= height) & (wide > 0) & (wide <= width)
    first, any_fits = fits.int().argmax(1, keepdim=True), fits.any(1, keepdim=True)
    columns = []
    for sizes, place, length, largest in zip(
        (tall, wide), (down, right), (height, width), _largest(height, width), strict=True
    ):
        size = sizes.gather(1, first)
        # The product of a number just below 1 and a number of positions may round up to that number.
        corner = torch.minimum((place * (length - size + 1)).floor(), length - size)
        columns.append((torch.where(any_fits, corner, (length - largest) // 2), torch.where(any_fits, size, largest)))
    (top, tall), (left, wide) = columns
    return torch.cat([top, left, tall, wide], dim=1)


def resized_parts(images: Tensor, boxes: Tensor, side: int, flipped: Tensor | None = None) -> Tensor:
    """Resize a crop of each image to a square: bilinear, with antialiasing.

    The kernel is separable, so these are two products with matrices of row and column weights.

    Args:
        images: [n, channels, height, width], bytes or numbers.
        boxes: [n, 4], top, left, height and width of each crop, on the same device.
        side: of the squares in pixels.
        flipped: [n], whether to mirror left and right; None for no flips.

    Returns:
        float32 [n, channels, side, side].
    """
    n, channels, height, width = images.shape
    top, left, tall, wide = boxes.to(torch.float32).unbind(1)
    rows = _weights(top, tall, height, side)
    columns = _weights(left, wide, width, side)
    if flipped is not None:
        columns = torch.where(flipped[:, None, None], columns.flip(1), columns)
    pixels = images.to(torch.float32, memory_format=torch.contiguous_format).reshape(n, channels * height, width)
    narrow = torch.bmm(pixels, columns.transpose(1, 2)).view(n, channels, height, side)
    return torch.matmul(rows[:, None], narrow)


def middle(images: Tensor, side: int) -> Tensor:
    """View of the central square of `side` pixels of each image."""
    height, width = images.shape[-2:]
    top, left = (round((length - side) / 2) for length in (height, width))
    return images[..., top : top + side, left : left + side]


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The same tensor on `device`; a copy to a GPU is asynchronous."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device, non_blocking=device.type == "cuda")
    return gpu.upload(tensor, device)


def _largest(height: int, width: int) -> tuple[int, int]:
    """Height and width of the largest central crop with a valid aspect ratio."""
    low, high = RATIO
    if width < low * height:
        return round(width / low), width
    if width > high * height:
        return height, round(height * high)
    return height, width


def _weights(start: Tensor, length: Tensor, size: int, side: int) -> Tensor:
    """Weights [n, side, size] that resize `length` pixels from `start` on, of `size` pixels, to `side` pixels."""
    scale = (length / side)[:, None, None]  # pixels per pixel of the result
    start, end = start[:, None, None], (start + length)[:, None, None]
    pixel = torch.arange(size, device=start.device, dtype=torch.float32)
    centre = start + (torch.arange(side, device=start.device)[:, None] + 0.5) * scale - 0.5
    weights = (1 - (pixel - centre).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((pixel >= start) & (pixel < end))  # without pixels outside the crop
    return weights / weights.sum(2, keepdim=True)
