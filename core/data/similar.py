"""Near-duplicates: images that look alike but differ in size, compression, brightness or format."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.data.dataset import Images, Integers

SIDE = 32
"""Side of the images that are compared."""
BITS = 8
"""Bits of a hash, of 64, in which near-duplicates may differ."""
LEVELS = 8.0
"""Mean difference of their pixels in grey levels, after brightness and contrast have been made equal."""
_BLOCK = 1 << 24
"""Pairs compared at a time."""

_k, _x = np.arange(8)[:, None], np.arange(SIDE)[None, :]
_COSINES = np.cos(np.pi * _k * (2 * _x + 1) / (2 * SIDE))
"""The eight lowest frequencies of a discrete cosine transform, [8, side]."""


@dataclass(frozen=True, slots=True)
class Look:
    """How an image looks: its perceptual hash, and 16 × 16 pixels with mean 128 and standard deviation 48."""

    bits: np.uint64
    pixels: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, image: Images) -> "Look":
        """Look of an image, uint8 [3, 32, 32]; the hash (pHash) has one bit for each of 8 × 8 low frequencies."""
        grey = image.mean(axis=0)
        low = (_COSINES @ grey @ _COSINES.T).ravel()
        bits = np.packbits(low > np.median(low)).view(np.uint64)[0]
        small = grey.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
        level = 128 + 48 * (small - small.mean()) / max(float(small.std()), 4.0)  # flat images stay flat
        return cls(bits, level.clip(0, 255).astype(np.uint8).ravel())


def near_pairs(looks: list[Look], splits: Integers) -> list[tuple[int, int]]:
    """Pairs of images in different splits, int64 [n], that look alike, sorted."""
    if not looks:
        return []
    bits = np.array([look.bits for look in looks])
    pixels = np.stack([look.pixels for look in looks]).astype(np.int16)
    pairs = []
    for split in np.unique(splits):
        ours, others = np.flatnonzero(splits == split), np.flatnonzero(splits > split)
        step = max(1, _BLOCK // max(1, len(others)))
        for start in range(0, len(ours), step):
            mine = ours[start : start + step]
            apart = np.bitwise_count(bits[mine][:, None] ^ bits[others][None, :])
            for i, j in zip(*np.nonzero(apart <= BITS), strict=True):
                one, other = int(mine[i]), int(others[j])
                if np.abs(pixels[one] - pixels[other]).mean() <= LEVELS:
                    pairs.append((min(one, other), max(one, other)))
    return sorted(pairs)
