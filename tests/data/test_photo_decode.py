import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.data.decode import BrokenImageError, decode

BILINEAR = Image.Resampling.BILINEAR


def picture(width: int = 50, height: int = 40, seed: int = 0) -> Image.Image:
    """Soft blobs of colour: nothing that a JPEG could not keep."""
    random = np.random.default_rng(seed)
    few = random.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def squeezed(image: Image.Image, side: int) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((side, side), BILINEAR)).transpose(2, 0, 1)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 90}), ("PNG", {}), ("BMP", {}), ("WEBP", {})])
@pytest.mark.parametrize("side", [16, 40, 64])
def test_the_whole_image_is_squeezed_into_the_square_as_pillow_does_it(kind, options, side):
    data = encoded(picture(), kind, **options)
    assert np.array_equal(decode(data, side, "whole"), squeezed(opened(data), side))


def test_an_image_of_the_right_size_is_left_as_it_is():
    image = picture(24, 24)
    pixels = decode(encoded(image, "PNG"), 24, "whole")
    assert pixels.shape == (3, 24, 24)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels.transpose(1, 2, 0), np.asarray(image))


def test_the_middle_of_a_published_face_is_its_178_square():
    image = picture(178, 218)
    middle = image.crop((0, 20, 178, 198))
    assert np.array_equal(decode(encoded(image, "PNG"), 64, "middle"), squeezed(middle, 64))


def test_the_middle_of_a_wide_image_leaves_out_the_sides():
    image = picture(60, 40)
    assert np.array_equal(decode(encoded(image, "PNG"), 40, "middle"), squeezed(image.crop((10, 0, 50, 40)), 40))


def test_a_large_photograph_is_read_small_and_looks_the_same():
    data = encoded(picture(1600, 1200), "JPEG", quality=92)
    small = Image.open(io.BytesIO(data))
    small.draft(None, (128, 128))
    assert small.size == (200, 150)
    pixels = decode(data, 64, "whole")
    assert np.array_equal(pixels, squeezed(small, 64))
    difference = np.abs(pixels.astype(int) - squeezed(opened(data), 64))
    assert difference.mean() < 1
    assert difference.max() <= 8


def test_grey_gets_three_equal_channels():
    grey = picture().convert("L")
    pixels = decode(encoded(grey, "PNG"), 20, "whole")
    expected = np.asarray(grey.resize((20, 20), BILINEAR))
    assert all(np.array_equal(channel, expected) for channel in pixels)


def test_one_bit_is_black_and_white():
    bits = picture().convert("1")
    assert np.array_equal(decode(encoded(bits, "PNG"), 20, "whole"), squeezed(bits.convert("L"), 20))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white_and_what_is_not_is_as_it_was(mode):
    image = picture(32, 32).convert(mode)
    alpha = np.full((32, 32), 255, np.uint8)
    alpha[:16] = 0
    alpha[16:20] = 102
    image.putalpha(Image.fromarray(alpha))
    pixels = decode(encoded(image, "PNG"), 32, "whole").astype(int)
    bare = np.asarray(image.convert("RGB")).transpose(2, 0, 1).astype(int)
    assert (pixels[:, :16] == 255).all()
    assert np.array_equal(pixels[:, 20:], bare[:, 20:])
    assert np.abs(pixels[:, 16:20] - (0.4 * bare[:, 16:20] + 0.6 * 255)).max() <= 1


def test_a_palette_with_a_transparent_colour_is_shown_on_white():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(1, (0, 0, 8, 4))
    pixels = decode(encoded(image, "PNG", transparency=0), 8, "whole")
    assert pixels[:, 0, 0].tolist() == [200, 100, 50]
    assert pixels[:, 7, 0].tolist() == [255, 255, 255]


def test_cmyk_comes_out_in_its_colours():
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow ink: red
    red, green, blue = decode(encoded(image, "JPEG", quality=95), 16, "whole").mean(axis=(1, 2))
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_picture_that_the_camera_turned_stands_upright(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture(60, 30), kind, exif=exif)
    upright = ImageOps.exif_transpose(opened(data))
    assert upright.size == ((60, 30) if orientation <= 4 else (30, 60))
    assert np.array_equal(decode(data, 24, "whole"), squeezed(upright, 24))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_notes_of_a_camera_that_cannot_be_read_do_no_harm():
    data = encoded(picture(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)
    assert np.array_equal(decode(data, 24, "whole"), squeezed(opened(data), 24))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(kind):
    ramp = np.linspace(0, 65_535, 256).astype(np.uint16)
    image = Image.fromarray(np.broadcast_to(ramp, (256, 256)).copy())
    pixels = decode(encoded(image, kind), 256, "whole")
    assert np.array_equal(pixels[1, 100], ramp >> 8)
    assert pixels[:, 0, 255].tolist() == [255, 255, 255]


def test_sixteen_bits_of_big_endian_tiff_and_of_pgm():
    values = np.array([[0, 256], [32_768, 65_535]], np.uint16)
    pgm = b"P5 2 2 65535\n" + values.astype(">u2").tobytes()
    assert decode(pgm, 2, "whole")[0].tolist() == [[0, 1], [128, 255]]
    swapped = Image.frombytes("I;16B", (2, 2), values.astype(">u2").tobytes())
    assert decode(encoded(swapped, "TIFF"), 2, "whole")[2].tolist() == [[0, 1], [128, 255]]


def test_of_several_frames_the_first_counts():
    first, second = picture(seed=1).convert("P"), picture(seed=2).convert("P")
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert np.array_equal(decode(data, 24, "whole"), squeezed(opened(data).convert("RGB"), 24))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"no image at all", "is not an image"),
        (encoded(picture(), "JPEG")[:-400], "cannot be decoded"),
        (encoded(picture(), "PNG")[:200], "cannot be decoded"),
        (encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "32 bits"),
    ],
    ids=["empty", "text", "half a JPEG", "half a PNG", "floats"],
)
def test_what_cannot_be_decoded_says_why(data, why):
    with pytest.raises(BrokenImageError, match=why):
        decode(data, 16, "whole")
