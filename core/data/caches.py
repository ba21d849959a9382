"""List and remove stores of decoded images."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from core.data.store import ABOUT, DONE, PARTIAL, PIXELS, ROWS, disk_bytes, lock_of


@dataclass(frozen=True, slots=True)
class Store:
    """Decoded images on disk.

    Attributes:
        root: source folder of the images; empty if the store is damaged.
        side: of each image in pixels.
        bytes: disk space.
        used: time of last use, in seconds since 1970.
        done: decoded images; fewer than `images` if a build was stopped or is in progress.
    """

    path: Path
    root: str
    images: int
    side: int
    bytes: int
    used: float
    done: int


def stores(folder: Path) -> list[Store]:
    """All stores in a cache folder, most recently used first; none if the folder does not exist."""
    found = (_read(path) for path in (folder / "images").glob("*") if path.is_dir())
    return sorted(found, key=lambda store: -store.used)


def remove(store: Store) -> bool:
    """Remove a store; False, with the store unchanged, if a process is building it or it cannot be removed."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock_of(store.path.with_suffix("")), timeout=0, thread_local=False):
            shutil.rmtree(store.path)
    except (Timeout, OSError):
        return False
    return True


def _read(path: Path) -> Store:
    size, images, side, root, used = disk_bytes(path / PIXELS), 0, 0, "", 0.0
    # Damaged stores are listed too, so that they can be removed.
    with suppress(OSError, ValueError, KeyError, TypeError):
        used = (path / ABOUT).stat().st_mtime
        about = orjson.loads((path / ABOUT).read_bytes())
        images, side, root = int(about["images"]), int(about["side"]), str(about["root"])
    done = images
    if path.suffix == PARTIAL:
        done = 0
        with suppress(OSError):
            done = min(images, sum((path / DONE).read_bytes()) * ROWS)
    return Store(path, root, images, side, size, used, done)
