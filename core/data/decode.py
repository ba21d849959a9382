"""Decode image files of any format, colour mode, depth and orientation to squares of bytes."""

import io
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.data.dataset import Images

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
"""Version of this decoder; raised whenever pixels change, so that stores decoded before are not used."""

Part = Literal["whole", "middle"]
"""Part of an image that becomes the square: the whole image, squeezed, or its largest central square."""

GAP = 2
"""A JPEG is decoded at ½, ¼ or ⅛ of its size if it is then still this many times as large as wanted: several times as
fast for photographs of many megapixels, with almost the same result."""

_ORIENTATION = 0x0112
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


TRAITS = {
    "an EXIF rotation": "turned upright",
    "16 bits per channel": "the upper 8 are taken",
    "a palette": "its colours are looked up",
    "CMYK": "converted to RGB without a colour profile",
    "transparency": "put on white",
    "several frames": "the first is taken",
}
"""Property of an image that is not read literally → how it is read."""


class BrokenImageError(Exception):
    """Bytes that are not an image, or cannot be converted to RGB; the message says why."""


def decode(data: bytes, side: int, part: Part) -> Images:
    """Decode an image, apply its EXIF orientation, convert it to RGB, and resize it (bilinear).

    Grey becomes three equal channels; transparent parts become white; of 16 bits the upper 8 are taken, as Pillow does
    for colour PNGs; of several frames the first is taken.

    Returns uint8 [3, side, side], not contiguous. Raises BrokenImageError if it cannot be decoded.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft(None, (GAP * side, GAP * side))
            opened.load()
            image = _upright(_rgb(opened), opened)
            if part == "middle":
                square = min(image.size)
                left, top = (round((length - square) / 2) for length in image.size)
                image = image.crop((left, top, left + square, top + square))
            if image.size != (side, side):
                image = image.resize((side, side), Image.Resampling.BILINEAR)
            return np.asarray(image).transpose(2, 0, 1)
    except UnidentifiedImageError:
        raise BrokenImageError("is not an image" if data else "is empty") from None
    except (BrokenImageError, MemoryError):
        raise
    except Exception as error:  # damaged files raise anything: OSError, ValueError, struct.error, zlib.error …
        raise BrokenImageError(f"cannot be decoded ({error})") from None


def traits(data: bytes) -> tuple[str, ...]:
    """Those of `TRAITS` that an image has; empty if it cannot be opened. Only its header is read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            deep_png = image.format == "PNG" and data[24] == 16
            found = (
                image.getexif().get(_ORIENTATION, 1) in _TURNS,
                image.mode.startswith("I;16") or deep_png or (image.mode == "I" and image.format == "PPM"),
                image.mode in ("P", "PA"),
                image.mode == "CMYK",
                image.has_transparency_data,
                getattr(image, "n_frames", 1) > 1,
            )
    except Exception:  # damaged files raise anything; decoding reports them
        return ()
    return tuple(name for name, has in zip(TRAITS, found, strict=True) if has)


def _rgb(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BrokenImageError("has 32 bits per pixel; convert it to 8 or 16")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _upright(image: "Image", opened: "Image") -> "Image":
    from PIL import Image

    try:
        turn = _TURNS.get(opened.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data raise anything, but do not affect the pixels
        return image
    return image if turn is None else image.transpose(Image.Transpose[turn])
