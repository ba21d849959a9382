"""Two textures from seeded noise: water (smooth bent waves) and land (leaves with dark edges)."""

from functools import cache

import numpy as np
import numpy.typing as npt

from core.data.dataset import Images
from core.data.draw import stream

SHEET = 512
"""Side of a texture sheet in pixels."""

Field = npt.NDArray[np.float64]


@cache
def texture_sheets(seed: int) -> Images:
    """Sheets of water and land, uint8 [2, side, side], from which crops are taken.

    Both have the same histogram, so they differ in structure but not in brightness or contrast.
    """
    random = stream(seed, "texture/sheets")
    return np.stack([_equalise(_water(random)), _equalise(_land(random))])


def _water(random: np.random.Generator) -> Field:
    row, column = np.indices((SHEET, SHEET))
    bend = 2.4 * _smooth(random, 12) + 0.8 * _smooth(random, 5)
    waves: Field = np.sin(2 * np.pi * row / 7 + 0.06 * column + bend)
    return waves + 0.5 * _smooth(random, 9)


def _land(random: np.random.Generator) -> Field:
    """Cells around random points (Worley 1996), each with its own shade and a dark edge."""
    side = 5
    cells = SHEET // side + 3
    row, column = np.indices((SHEET, SHEET))
    points = random.integers(0, side, (2, cells, cells))
    shades = random.random((cells, cells))
    nearest: Field = np.full((SHEET, SHEET), np.inf)
    second, shade = nearest, np.zeros_like(nearest)
    for down, right in np.ndindex(3, 3):  # the point of the pixel's own square and of its eight neighbours
        r, c = row // side + down, column // side + right
        away = np.square((r - 1) * side + points[0, r, c] - row) + np.square((c - 1) * side + points[1, r, c] - column)
        distance = np.sqrt(away)
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        shade = np.where(closer, shades[r, c], shade)
        nearest = np.minimum(nearest, distance)
    return shade + 0.5 * np.minimum(second - nearest, 2)


def _smooth(random: np.random.Generator, radius: int) -> Field:
    """Smooth noise of unit deviation [side, side]: white noise after three box blurs, close to a Gaussian blur.

    The sums are over integers, so they are exact and the same on every machine.
    """
    width = 2 * radius + 1
    noise = random.integers(-128, 128, (SHEET + 3 * (width - 1),) * 2)
    for _ in range(6):  # three times along each axis
        sums = np.insert(np.cumsum(noise, axis=0), 0, 0, axis=0)
        noise = (sums[width:] - sums[:-width]).T
    smooth: Field = (noise - noise.mean()) / noise.std()
    return smooth


def _equalise(field: Field) -> Images:
    """Map values to shades from 51 to 255, each equally frequent."""
    rank = np.empty(field.size, dtype=np.int64)
    rank[np.argsort(field, axis=None, kind="stable")] = np.arange(field.size)
    return (51 + rank * 205 // field.size).astype(np.uint8).reshape(field.shape)
