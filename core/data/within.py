"""Check that the paths of a table stay inside the folder of the data set."""

import os
from collections.abc import Sequence
from pathlib import Path


def unusable_paths(root: Path, paths: Sequence[str]) -> dict[int, str]:
    """Position → reason of the paths relative to `root` that are empty, absolute, go up, or are links outside.

    It lists their folders, but opens no image.
    """
    bad = {}
    for number, path in enumerate(paths):
        if not path:
            bad[number] = "the path is empty"
        elif path[0] in "/~":
            bad[number] = f"'{path}' is not relative to the folder of the data set"
        elif ".." in path and ".." in path.split("/"):
            bad[number] = f"'{path}' leaves the folder of the data set"
        elif "\0" in path:
            bad[number] = "the path has a null character"
    home = os.path.realpath(root)
    by_folder: dict[str, list[int]] = {}
    for number, path in enumerate(paths):
        if number not in bad:
            by_folder.setdefault(path.rpartition("/")[0], []).append(number)
    for folder, numbers in by_folder.items():
        there = os.path.realpath(root / folder)
        if not _inside(there, home):
            why = f"'{folder}' is a link to outside the folder of the data set"
            bad |= dict.fromkeys(numbers, why)
            continue
        links = _links_out(there, home)
        for number in numbers if links else ():
            if paths[number].rpartition("/")[2] in links:
                bad[number] = f"'{paths[number]}' is a link to outside the folder of the data set"
    return dict(sorted(bad.items()))


def _inside(path: str, home: str) -> bool:
    return path == home or path.startswith(home.rstrip(os.sep) + os.sep)


def _links_out(folder: str, home: str) -> set[str]:
    """Names of the links in a folder that lead outside `home`; listing is far cheaper than checking each path."""
    try:
        with os.scandir(folder) as entries:
            links = [entry.name for entry in entries if entry.is_symlink()]
    except OSError:
        return set()
    return {name for name in links if not _inside(os.path.realpath(os.path.join(folder, name)), home)}  # noqa: PTH118
