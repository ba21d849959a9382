"""Sample images of a data set: one row per group."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.data.dataset import DataSet, Images, group_counts, groups
from core.data.splits import SplitName
from core.groups import group_names

if TYPE_CHECKING:
    from PIL.Image import Image

PAPER = (22, 24, 29)
INK = (232, 234, 238)
FAINT = (142, 148, 160)
GAP = 2
MARGIN = 16
HEADING = 30


PER_GROUP = 8
"""Default number of images per group."""


def first_images(dataset: DataSet, split: SplitName, per_group: int = PER_GROUP) -> list[Images]:
    """First images of every group of a split, in RGB: uint8 [at most per_group, height, width, 3] each."""
    samples, images = dataset.splits[split], []
    number = groups(samples, dataset)
    for group in range(len(group_names(dataset.label_names, dataset.attributes))):
        rows = np.flatnonzero(number == group)[:per_group]
        shape = (len(rows), *samples.images.shape[2:], 3)
        images.append(np.array([rgb(image) for image in samples.images[rows]], np.uint8).reshape(shape))
    return images


def sample_picture(
    dataset: DataSet, splits: Sequence[SplitName] = ("train",), per_group: int = PER_GROUP, scale: int | None = None
) -> "Image":
    """Draw the first images of every group, one row per group, with title, count and share on the left.

    The splits are one below the other; `scale` is the integer magnification, None for `scale_for`.
    """
    from PIL import Image, ImageDraw, ImageFont

    # Pillow's font has no en dash.
    titles = [name.replace("–", "-") for name in group_names(dataset.label_names, dataset.attributes)]
    shape = dataset.splits[splits[0]].images.shape[2:]
    scale = scale or scale_for(shape[0])
    height, width = (side * scale for side in shape)
    title_font, count_font = (ImageFont.load_default(size) for size in (14, 12))
    headings = [f"{dataset.name} · {name} · {len(dataset.splits[name]):,} images" for name in splits]
    text = 24 + int(max(title_font.getlength(title) for title in [*titles, "00,000 · 00.0%"]))
    row = height + GAP
    size = (
        2 * MARGIN + max(text + per_group * (width + GAP) - GAP, *(int(title_font.getlength(h)) for h in headings)),
        MARGIN + len(splits) * (HEADING + len(titles) * row - GAP + MARGIN),
    )
    picture = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(picture)
    top = MARGIN
    for name, heading in zip(splits, headings, strict=True):
        split = dataset.splits[name]
        counts, samples = group_counts(split, dataset), first_images(dataset, name, per_group)
        pen.text((MARGIN, top), heading, INK, title_font)
        top += HEADING
        for title, count, images in zip(titles, counts, samples, strict=True):
            middle = top + height // 2
            pen.text((MARGIN, middle - 1), title, INK, title_font, anchor="ls")
            pen.text((MARGIN, middle + 3), f"{count:,} · {count / len(split):.1%}", FAINT, count_font, anchor="lt")
            for column, image in enumerate(images):
                tile = Image.fromarray(image.repeat(scale, axis=0).repeat(scale, axis=1))
                picture.paste(tile, (MARGIN + text + column * (width + GAP), top))
            top += row
        top += MARGIN - GAP
    return picture


def scale_for(height: int) -> int:
    """Magnification at which a row has room for its title and small images are recognisable."""
    return max(1 if height >= 112 else 2, 56 // height)


def rgb(image: Images) -> Images:
    """Convert [channels, height, width] to [height, width, 3]: one channel is grey, two are red and green."""
    if image.shape[0] == 2:
        image = np.concatenate([image, np.zeros_like(image[:1])])
    return np.ascontiguousarray(np.broadcast_to(image[:3], (3, *image.shape[1:])).transpose(1, 2, 0))
