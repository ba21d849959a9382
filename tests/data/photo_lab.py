"""Small folders in the layouts of published data sets, made of the bundled digits.

The label is digit < 5 against digit ≥ 5; the attribute is the background. In training they go together but for a share
of conflicts; validation and test have all groups alike. Rows stand in a mixed order, as in the published tables.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import DataSet
from core.data.idx import read_digits
from core.data.sets.folder import Folder
from core.data.sets.waterbirds import Waterbirds
from core.data.table import read_table
from core.errors import InputError
from experiments.bundled import folder as bundled_folder

CELEBA_ATTRIBUTES = tuple(
    """5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair
    Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
    Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
    Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
    Wearing_Necktie Young""".split()  # noqa: SIM905
)
GREEN, BLUE, SAND, GREY = (70, 130, 60), (50, 90, 170), (200, 170, 110), (90, 90, 100)


@dataclass(frozen=True)
class Row:
    """An image that is to be: number of its digit among the bundled ones, label, attribute, split (0, 1, 2)."""

    digit: int
    label: int
    attribute: int
    split: int


def rows(n: int, *, conflicts: float = 0.1, minority: float = 0.5, seed: int = 0) -> list[Row]:
    """Plan `n` images: 60 % training, 20 % validation, 20 % test; no group of any split is empty for n ≥ 40.

    Args:
        n: images.
        conflicts: share of the training images of each label whose attribute is that of the other.
        minority: share of training images of label 1.
        seed: of the digits and the order.
    """
    random = np.random.default_rng(seed)
    training, held_out = round(0.6 * n), (n - round(0.6 * n)) // 2
    wanted: list[tuple[int, int, int]] = []
    for label, size in ((0, training - round(minority * training)), (1, round(minority * training))):
        against = max(1, round(conflicts * size))
        wanted += [(label, 1 - label, 0)] * against + [(label, label, 0)] * (size - against)
    wanted += [(i % 4 // 2, i % 2, 1) for i in range(held_out)]
    wanted += [(i % 4 // 2, i % 2, 2) for i in range(n - training - held_out)]
    _, labels = _digits()
    pools = [iter(random.permutation(np.flatnonzero(labels == label)).tolist()) for label in (0, 1)]
    planned = [Row(next(pools[label]), label, attribute, split) for label, attribute, split in wanted]
    return [planned[i] for i in random.permutation(n)]


def picture(row: Row, size: tuple[int, int], colours: Sequence[tuple[int, int, int]] = (GREEN, BLUE)) -> Image.Image:
    """Digit in white before a striped background: upright stripes for attribute 0, level ones for attribute 1.

    Args:
        row: what is to be seen.
        size: width and height in pixels.
        colours: colour of the background of each attribute value.
    """
    width, height = size
    images, _ = _digits()
    side = min(size)
    ink = Image.new("L", size)
    digit = Image.fromarray(images[row.digit]).resize((side, side), Image.Resampling.BILINEAR)
    ink.paste(digit, ((width - side) // 2, (height - side) // 2))
    along = np.arange(width)[None, :] if row.attribute == 0 else np.arange(height)[:, None]
    stripes = np.broadcast_to(0.75 + 0.25 * np.sin(along * 2 * np.pi / 8), (height, width))[:, :, None]
    grain = np.random.default_rng(row.digit).normal(0, 4, (height, width, 1))
    ground = np.array(colours[row.attribute]) * stripes + grain
    share = np.asarray(ink, dtype=np.float64)[:, :, None] / 255
    return Image.fromarray((ground * (1 - share) + 245 * share).clip(0, 255).astype(np.uint8))


def waterbirds(folder: Path, n: int = 120, *, seed: int = 0, size: tuple[int, int] = (50, 40)) -> Path:
    """Waterbirds: `metadata.csv`, and JPEG images of several shapes in a folder per species."""
    species = [["001.Black_footed_Albatross", "015.Lazuli_Bunting"], ["072.Pomarine_Jaeger", "100.Brown_Pelican"]]
    table = []
    for number, row in enumerate(rows(n, seed=seed), 1):
        kind = species[row.label][number % 2]
        name = f"{kind}/{kind.partition('.')[2]}_{number:04d}_{796_000 + row.digit}.jpg"
        shape = size if number % 3 else size[::-1]
        save(picture(row, shape), folder / name)
        place = "/o/ocean/0000{:04d}.jpg" if row.attribute else "/b/bamboo_forest/0000{:04d}.jpg"
        table.append((number, name, row.label, row.split, row.attribute, place.format(number)))
    write_csv(folder / "metadata.csv", ("img_id", "img_filename", "y", "split", "place", "place_filename"), table)
    return folder


def celeba(
    folder: Path, layout: Literal["torchvision", "kaggle"] = "torchvision", n: int = 80, *, seed: int = 0
) -> Path:
    """CelebA: 178×218 JPEG with its lists; blond hair is digit ≥ 5, men have the background of attribute 0.

    So blond goes with female, as in the published data. `Young` is random, as is every other attribute.
    """
    random = np.random.default_rng(seed)
    planned = rows(n, seed=seed, minority=0.35)
    values = random.choice((-1, 1), (n, len(CELEBA_ATTRIBUTES)))
    values[:, CELEBA_ATTRIBUTES.index("Blond_Hair")] = [1 if row.label else -1 for row in planned]
    values[:, CELEBA_ATTRIBUTES.index("Male")] = [-1 if row.attribute else 1 for row in planned]
    names = [f"{number:06d}.jpg" for number in range(1, n + 1)]
    images = folder / "img_align_celeba"
    if layout == "kaggle":
        images = images / "img_align_celeba"
        write_csv(
            folder / "list_attr_celeba.csv",
            ("image_id", *CELEBA_ATTRIBUTES),
            [(name, *line) for name, line in zip(names, values.tolist(), strict=True)],
        )
        partition = [(name, row.split) for name, row in zip(names, planned, strict=True)]
        write_csv(folder / "list_eval_partition.csv", ("image_id", "partition"), partition)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{n}", " ".join(CELEBA_ATTRIBUTES) + " "]
        lines += [
            name + " " + " ".join(f"{value:2d}" for value in line)
            for name, line in zip(names, values.tolist(), strict=True)
        ]
        (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
        (folder / "list_eval_partition.txt").write_text(
            "".join(f"{name} {row.split}\n" for name, row in zip(names, planned, strict=True))
        )
    for name, row in zip(names, planned, strict=True):
        save(picture(row, (178, 218), (SAND, GREY)), images / name)
    return folder


def isic(
    folder: Path,
    n: int = 100,
    *,
    seed: int = 0,
    columns: Mapping[str, str] | None = None,
    images: str = "images",
    endings: bool = False,
    size: tuple[int, int] = (48, 36),
) -> Path:
    """ISIC: `metadata.csv` with image_id, benign_malignant, patches, split; a patch goes with benign. PNG images.

    Args:
        folder: where.
        n: images.
        seed: of the digits and the order.
        columns: usual name of a column → the name that it gets.
        images: folder of the images; `.` beside the table.
        endings: whether the table names images with their ending.
        size: width and height in pixels.
    """
    table = []
    for number, row in enumerate(rows(n, seed=seed, minority=0.3)):
        name = f"ISIC_{number:07d}"
        save(picture(row, size, (SAND, GREY)), folder / images / f"{name}.png")
        label, split = ("benign", "malignant")[row.label], ("train", "val", "test")[row.split]
        table.append((f"{name}.png" if endings else name, 20 + number % 60, label, 1 - row.attribute, split))
    usual = ("image_id", "age_approx", "benign_malignant", "patches", "split")
    write_csv(folder / "metadata.csv", [(columns or {}).get(name, name) for name in usual], table)
    return folder


def plain(
    folder: Path,
    n: int = 100,
    *,
    seed: int = 0,
    table: str = "metadata.csv",
    attributes: Sequence[str] = ("background",),
    split: bool = True,
    size: tuple[int, int] = (40, 40),
    ending: str = "png",
) -> Path:
    """Any images with a table: columns path, label (`low`, `high`), attributes, and split where asked for.

    Args:
        folder: where.
        n: images.
        seed: of the digits and the order.
        table: its name; ending `.parquet` for Parquet.
        attributes: names of the attributes; the first is the background (`upright`, `level`), others are random.
        split: whether there is a column `split`.
        size: width and height in pixels.
        ending: kind of the images, `png` or `jpg`.
    """
    random = np.random.default_rng(seed + 1)
    lines = []
    for number, row in enumerate(rows(n, seed=seed)):
        name = f"images/{number % 7}/{number:05d}.{ending}"
        save(picture(row, size), (folder / table).parent / name)
        background = ("upright", "level")[row.attribute]
        values = [background, *(str(random.integers(2)) for _ in attributes[1:])][: len(attributes)]
        lines.append((name, ("low", "high")[row.label], *values, *([("train", "val", "test")[row.split]] * split)))
    headings = ("path", "label", *attributes, *(["split"] * split))
    if table.endswith(".parquet"):
        import pandas as pd

        pd.DataFrame(lines, columns=list(headings)).to_parquet(folder / table)
    else:
        write_csv(folder / table, headings, lines)
    return folder


def folder_of(folder: Path, headings: Sequence[str], lines: Iterable[Sequence[object]], **settings: Any) -> Folder:
    """Write `metadata.csv` alone, without images; return the settings of such a folder."""
    write_csv(folder / "metadata.csv", headings, lines)
    return Folder(root=str(folder), **settings)


def save(image: Image.Image, path: Path) -> None:
    """Write the image in the kind that the ending of its name says, and the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **({"quality": 90} if path.suffix == ".jpg" else {"compress_level": 1}))


def write_csv(path: Path, headings: Iterable[str], lines: Iterable[Sequence[object]]) -> None:
    """Write a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(headings)
        writer.writerows(lines)


def edit(path: Path, old: str, new: str, count: int = 1) -> int:
    """Replace text in a file; return the number of the first line that changed."""
    text = path.read_text()
    at = text.index(old)
    path.write_text(text[:at] + text[at:].replace(old, new, count))
    return text.count("\n", 0, at) + 1


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    digits = read_digits(bundled_folder(), "t10k")
    return digits.images, (digits.labels >= 5).astype(np.int64)


def settings(root: Path, **given: Any) -> Waterbirds:
    """Settings of small images of Waterbirds."""
    return Waterbirds(root=str(root), **{"stored": 32, "size": 28, **given})


def pixels_of(dataset: DataSet) -> np.ndarray:
    """All images, split after split."""
    return np.concatenate([split.images[:] for split in dataset.splits.values()])


def refused(settings: Folder) -> str:
    """The sentence with which a table is refused."""
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        read_table(settings)
    return str(caught.value)
