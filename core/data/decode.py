"""From the bytes of an image file to a square of bytes: whatever its format, its colours, its depth or its turn."""

import io
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.data.dataset import Images

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
"""Of this file; a change that changes any pixel raises it, so that nothing decoded before is used."""

Part = Literal["whole", "middle"]
"""What of an image becomes the square: the whole of it, squeezed, or the largest square in its middle."""

GAP = 2
"""A JPEG is read at ½, ¼ or ⅛ of its size where that leaves it this many times as large as wanted, as thumbnails are:
several times as fast for photographs of many megapixels, and hardly another picture."""

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


class BrokenImageError(Exception):
    """Bytes that are no image, or none that can be shown as red, green and blue; the text says why."""


def decode(data: bytes, side: int, part: Part) -> Images:
    """Decode an image, turn it as its camera says, take its colours as they are seen, and resize it (bilinear).

    Grey becomes three equal channels; what is transparent is laid on white; of 16 bits the upper 8 are taken, as Pillow
    does for PNG in colour; of several frames the first.

    Args:
        data: content of the file.
        side: side of the square in pixels.
        part: what of the image the square shows.

    Returns:
        uint8 [3, side, side], not contiguous.

    Raises:
        BrokenImageError: it cannot be decoded.
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
        raise BrokenImageError("is no image" if data else "is empty") from None
    except (BrokenImageError, MemoryError):
        raise
    except Exception as error:  # damaged bytes raise anything: OSError, ValueError, struct.error, zlib.error …
        raise BrokenImageError(f"cannot be decoded ({error})") from None


def _rgb(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BrokenImageError("has 32 bits to a pixel; convert it to 8 or 16")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _upright(image: "Image", opened: "Image") -> "Image":
    from PIL import Image

    try:
        turn = _TURNS.get(opened.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged notes of a camera raise anything, and do no harm to the picture
        return image
    return image if turn is None else image.transpose(Image.Transpose[turn])
