"""Image files in a folder, and folders whose names are the labels, as `ImageFolder` reads them (no image is opened)."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from posixpath import join, split, splitext

import numpy as np

from core.data.columns import Column, as_texts, find

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""Extensions of images, by priority for paths that are listed without one."""


def image_files(root: Path) -> list[str]:
    """Paths of all images below `root`, relative to it and sorted; hidden files and folders are skipped."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name[0] not in "._"]
        place = Path(folder).relative_to(root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        found += [prefix + name for name in files if name[0] != "." and splitext(name)[1].lower() in ENDINGS]
    return sorted(found)


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


def with_endings(root: Path, paths: Sequence[str]) -> list[str]:
    """Add the extension of its file to every path, relative to `root`, that is listed without one."""
    listings: dict[str, dict[str, str]] = {}
    return [
        path if path.endswith(ENDINGS) or splitext(path)[1].lower() in ENDINGS else _ended(root, path, listings)
        for path in paths
    ]


def _ended(root: Path, path: str, listings: dict[str, dict[str, str]]) -> str:
    if not path or path[0] in "/~" or ".." in path:
        return path  # refused later
    folder, name = split(path)
    if folder not in listings:
        listings[folder] = _stems(root / folder)
    return join(folder, listings[folder].get(name, name))


def _stems(folder: Path) -> dict[str, str]:
    """Image name without extension → file name."""
    rank = {ending: place for place, ending in enumerate(ENDINGS)}
    try:
        listed = [splitext(name) for name in os.listdir(folder)]  # noqa: PTH208
    except OSError:
        return {}
    known = [(rank[ending.lower()], stem, ending) for stem, ending in listed if ending.lower() in rank]
    return {stem: stem + ending for _, stem, ending in sorted(known, reverse=True)}
