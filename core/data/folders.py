"""Image files in a folder, and folders whose names are the labels, as `ImageFolder` reads them (no image is opened)."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from posixpath import join, split, splitext
from unicodedata import normalize

import numpy as np

from core.data.columns import Column, as_texts, find
from core.data.text import clean

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".gif")
"""Extensions of images, by priority for paths that are listed without one."""


def visible_files(root: Path) -> list[str]:
    """Paths of all files below `root`, relative to it and sorted; hidden files and folders are skipped."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name[0] != "." and name != "__MACOSX"]
        place = Path(folder).relative_to(root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        found += [prefix + name for name in files if name[0] != "."]
    return sorted(found)


def is_image(path: str) -> bool:
    """Whether a file is an image, by its extension."""
    return path.endswith(ENDINGS) or splitext(path)[1].lower() in ENDINGS


def image_files(root: Path) -> list[str]:
    """Paths of all images below `root`, relative to it and sorted; hidden ones are skipped."""
    return [path for path in visible_files(root) if is_image(path)]


def folder_columns(root: Path, wanted: Mapping[str, str] | None = None) -> dict[str, Column]:
    """Columns made of the paths of all images: `path`, and `folder 1`, `folder 2` … from the outermost folder inwards.

    `wanted` is that of `read_columns`; None for all columns. Raises InputError if a column is missing.
    """
    paths = image_files(root)
    levels = [path.split("/")[:-1] for path in paths]
    texts: dict[str, Sequence[str]] = {"path": paths}
    for level in range(max(map(len, levels), default=0)):
        texts[f"folder {level + 1}"] = [names[level] if level < len(names) else "" for names in levels]
    found = find(root, list(texts), dict.fromkeys(texts, "") if wanted is None else wanted)
    lines = np.arange(1, len(paths) + 1)
    return {name: Column(name, "", lines, as_texts(texts[heading])) for name, heading in found.items()}


def as_files(root: Path, paths: Sequence[str]) -> list[str]:
    """Give every path, relative to `root`, the name of its file, if a table spells it in another way.

    The table may omit the extension, have another Unicode form (those of macOS and of other systems differ), or have
    lost the leading zeros of a number. Folders are listed, but no image is opened.
    """
    listings: dict[str, _Listing] = {}
    return [path if is_image(path) and path.isascii() else _as_file(root, path, listings) for path in paths]


def _as_file(root: Path, path: str, listings: "dict[str, _Listing]") -> str:
    if not path or path[0] in "/~" or ".." in path:
        return path  # refused later
    folder, name = split(path)
    if folder not in listings:
        listings[folder] = _Listing(root, folder)
    return join(listings[folder].folder, listings[folder].file(name))


class _Listing:
    """The images of a folder, and the names by which a table may list them."""

    def __init__(self, root: Path, folder: str) -> None:
        spellings = (folder, normalize("NFC", folder), normalize("NFD", folder))
        self.folder = next((each for each in spellings if (root / each).is_dir()), folder)
        try:
            listed = [splitext(name) for name in os.listdir(root / self.folder)]  # noqa: PTH208
        except OSError:
            listed = []
        rank = {ending: place for place, ending in enumerate(ENDINGS)}
        images = [(rank[ending.lower()], stem, ending) for stem, ending in listed if ending.lower() in rank]
        self._names = {stem: stem + ending for _, stem, ending in sorted(images, reverse=True)}
        self._names |= {stem + ending: stem + ending for _, stem, ending in images if not (stem + ending).isascii()}

    def file(self, name: str) -> str:
        """Name of the file that a name of a table means; the name itself if there is none."""
        if name in self._names:
            return self._names[name]
        return self._others.get(normalize("NFC", name)) or self._others.get(clean(name), name)

    @cached_property
    def _others(self) -> dict[str, str]:
        """Names in the composed form of Unicode, and numbers without leading zeros where these are unique."""
        names = {normalize("NFC", name): file for name, file in self._names.items()}
        padded: dict[str, set[str]] = {}
        for stem in names:
            if stem.isdecimal():
                padded.setdefault(str(int(stem)), set()).add(stem)
        return {number: names[stems.pop()] for number, stems in padded.items() if len(stems) == 1} | names
