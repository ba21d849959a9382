"""Random parts of images, flipped half of the time: a whole batch at once, on its device, without waiting for it."""

import math

import torch
from torch import Tensor

AREA = (0.7, 1.0)
"""Share of an image's area that a random part has."""
RATIO = (3 / 4, 4 / 3)
"""Width over height of a random part."""
TRIES = 10
"""Parts drawn for an image until one fits into it; then the middle is taken."""


def augment(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Take a random part of every image, resized to a square, and flip it or not.

    Args:
        images: [n, channels, height, width], bytes or numbers.
        side: of the squares, in pixels.
        generator: random stream, on the device of the images or on the CPU.

    Returns:
        float32 [n, channels, side, side], in the units of the images.
    """
    n, _, height, width = images.shape
    boxes = draw_boxes(n, height, width, generator)
    flipped = torch.rand(n, generator=generator, device=generator.device) < 0.5
    return resized_parts(images, on_device(boxes, images.device), side, on_device(flipped, images.device))


def draw_boxes(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Draw a part of an image for each of n images, as torchvision's RandomResizedCrop draws it.

    Area and logarithm of the ratio are uniform, and so is the place; what does not fit is drawn anew.

    Returns:
        float32 [n, 4] of whole numbers, on the device of the generator: top, left, height, width.
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
        # A number just below 1 times a number of places may round up to that number.
        corner = torch.minimum((place * (length - size + 1)).floor(), length - size)
        columns.append((torch.where(any_fits, corner, (length - largest) // 2), torch.where(any_fits, size, largest)))
    (top, tall), (left, wide) = columns
    return torch.cat([top, left, tall, wide], dim=1)


def resized_parts(images: Tensor, boxes: Tensor, side: int, flipped: Tensor | None = None) -> Tensor:
    """Resize a part of each image to a square: bilinear, with the kernel widened where it shrinks (antialiasing).

    The kernel is separable, so it is two products with matrices that hold the weights of rows and of columns.

    Args:
        images: [n, channels, height, width], bytes or numbers.
        boxes: [n, 4], top, left, height and width of each part, on the same device.
        side: of the squares, in pixels.
        flipped: [n], whether to mirror left and right; None for no image.

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
    """The square of `side` pixels in the middle of each image: a view."""
    height, width = images.shape[-2:]
    top, left = (round((length - side) / 2) for length in (height, width))
    return images[..., top : top + side, left : left + side]


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The same tensor on `device`; a copy to a GPU is queued there, and nothing waits for it."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device, non_blocking=device.type == "cuda")
    return tensor.pin_memory().to(device, non_blocking=True)


def _largest(height: int, width: int) -> tuple[int, int]:
    """Height and width of the largest part in the middle whose ratio is allowed."""
    low, high = RATIO
    if width < low * height:
        return round(width / low), width
    if width > high * height:
        return height, round(height * high)
    return height, width


def _weights(start: Tensor, length: Tensor, size: int, side: int) -> Tensor:
    """Weights [n, side, size] of the `size` pixels of a line, of which `length` from `start` on become `side`."""
    scale = (length / side)[:, None, None]  # pixels to a pixel of the result
    start, end = start[:, None, None], (start + length)[:, None, None]
    pixel = torch.arange(size, device=start.device, dtype=torch.float32)
    centre = start + (torch.arange(side, device=start.device)[:, None] + 0.5) * scale - 0.5
    weights = (1 - (pixel - centre).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((pixel >= start) & (pixel < end))  # nothing outside of the part is seen
    return weights / weights.sum(2, keepdim=True)
