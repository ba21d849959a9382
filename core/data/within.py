"""Paths from a table that must not lead out of the folder of the data set."""

import os
from collections.abc import Sequence
from pathlib import Path


def leaving(root: Path, paths: Sequence[str]) -> dict[int, str]:
    """Find the paths that cannot be used; looks into the folders they name, at no image.

    Args:
        root: folder of the data set.
        paths: from there, with `/` between.

    Returns:
        Position of the path → why: it is empty, absolute, goes up, or a link leads out.
    """
    bad = {}
    for number, path in enumerate(paths):
        if not path:
            bad[number] = "no path"
        elif path[0] in "/~":
            bad[number] = f"'{path}' is not a path from the folder of the data set"
        elif ".." in path and ".." in path.split("/"):
            bad[number] = f"'{path}' leaves the folder of the data set"
        elif "\0" in path:
            bad[number] = "a path with a character 0"
    home = os.path.realpath(root)
    by_folder: dict[str, list[int]] = {}
    for number, path in enumerate(paths):
        if number not in bad:
            by_folder.setdefault(path.rpartition("/")[0], []).append(number)
    for folder, numbers in by_folder.items():
        there = os.path.realpath(root / folder)
        if not _inside(there, home):
            why = f"'{folder}' is a link that leads out of the data set's folder"
            bad |= dict.fromkeys(numbers, why)
            continue
        links = _links_out(there, home)
        for number in numbers if links else ():
            if paths[number].rpartition("/")[2] in links:
                bad[number] = f"'{paths[number]}' is a link that leads out of the data set's folder"
    return dict(sorted(bad.items()))


def _inside(path: str, home: str) -> bool:
    return path == home or path.startswith(home.rstrip(os.sep) + os.sep)


def _links_out(folder: str, home: str) -> set[str]:
    """Names of the links in a folder that lead out of the data set; a listing is far cheaper than a look at each."""
    try:
        with os.scandir(folder) as entries:
            links = [entry.name for entry in entries if entry.is_symlink()]
    except OSError:
        return set()
    return {name for name in links if not _inside(os.path.realpath(os.path.join(folder, name)), home)}  # noqa: PTH118
