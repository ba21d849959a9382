"""Add colours, patches and textures to digits: uint8 to uint8, vectorised over images."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from core.data.dataset import Images, Integers

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 70, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 190),
    "cyan": (0, 255, 255),
    "orange": (255, 128, 0),
    "violet": (140, 0, 255),
    "white": (255, 255, 255),
    "pink": (255, 140, 160),
}
"""Ten clearly distinct bright colours of digits, at full saturation."""

PATCH_COLOURS = ((244, 196, 72), (236, 138, 60), (92, 186, 164), (84, 132, 224), (160, 108, 204))
"""Colours of patches, as of plasters and stickers beside skin lesions."""

PATCH = ("patch", "none")
"""Values of the attribute `patch`: the first label is correlated with a patch."""

TINTS = {
    "water": ((32, 108, 255), (76, 224, 255)),
    "land": ((118, 255, 84), (255, 188, 94)),
}
"""Texture → the two colours between which the tint of an image is drawn."""

CHUNK = 2048
"""Images painted together: bounds the memory of wider types and fits into the cache."""


def paint_colour(digits: Images, colour: Integers, saturation: float) -> Images:
    """Draw each digit, uint8 [n, h, w], in a colour of `COLOURS`, int64 [n], on black: uint8 [n, 3, h, w].

    The saturation ranges from 0 (white) to 1.
    """
    full = np.array(list(COLOURS.values()), dtype=np.float64)
    table = np.rint(saturation * full + (1 - saturation) * 255).astype(np.uint8)
    out = _empty(digits)
    for part in _chunks(len(digits)):
        out[part] = _product(digits[part, None], table[colour[part], :, None, None])
    return out


def paint_grey(digits: Images) -> Images:
    """Repeat digits uint8 [n, h, w] in three channels: uint8 [n, 3, h, w]."""
    return np.repeat(digits[:, None], 3, axis=1)


def paint_patch(images: Images, there: npt.NDArray[np.bool_], size: int, random: np.random.Generator) -> None:
    """Draw a coloured square in a corner of some images, in place; it hardly overlaps the centred digits.

    Images are uint8 [n, 3, h, w], `there` is bool [n], `size` is in pixels; colours, corners and distances to the
    borders (0 to 2 pixels) are random.
    """
    image = np.flatnonzero(there)
    table = np.array(PATCH_COLOURS, dtype=np.uint8)
    colour = table[random.integers(0, len(table), len(image))]
    inset = random.integers(0, 3, (2, len(image)))
    far = random.random((2, len(image))) < 0.5
    room = np.array(images.shape[2:])[:, None] - size
    top, left = np.where(far, room - inset, inset)
    step = np.arange(size)
    rows = (top[:, None] + step)[:, :, None]  # [m, size, 1]
    columns = (left[:, None] + step)[:, None, :]  # [m, 1, size]
    images[image[:, None, None], :, rows, columns] = colour[:, None, None, :]


def paint_texture(
    digits: Images, texture: Integers, contrast: float, sheets: Images, random: np.random.Generator
) -> Images:
    """Draw each digit in grey over a crop of its texture, with random position, mirroring and tint.

    Digits are uint8 [n, h, w], textures are indices of the sheets (see `texture_sheets`), int64 [n]; the contrast is
    the brightness of the texture, as a share of full scale. Returns uint8 [n, 3, h, w].
    """
    n, height, width = digits.shape
    both = np.stack([sheets, sheets[:, :, ::-1]], axis=1)  # [textures, mirrored, side, side]
    windows = np.lib.stride_tricks.sliding_window_view(both, (height, width), axis=(2, 3))
    mirrored, top, left = (random.integers(0, limit, (n,)) for limit in windows.shape[1:4])
    ends = np.array(list(TINTS.values()), dtype=np.float64)[texture]  # [n, 2, 3]
    between = random.random((n, 1))
    tint = np.rint(contrast * (ends[:, 0] * (1 - between) + ends[:, 1] * between)).astype(np.uint8)
    out = _empty(digits)
    for part in _chunks(n):
        shade = windows[texture[part], mirrored[part], top[part], left[part]]
        np.maximum(_product(shade[:, None], tint[part, :, None, None]), digits[part, None], out=out[part])
    return out


def _product(a: Images, b: Images) -> Images:
    """Product of two uint8 arrays as shares of 255, rounded to nearest."""
    return ((np.multiply(a, b, dtype=np.uint16) + 127) // 255).astype(np.uint8)


def _empty(digits: Images) -> Images:
    n, height, width = digits.shape
    return np.empty((n, 3, height, width), dtype=np.uint8)


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))
