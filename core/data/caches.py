"""The stores of decoded images that there are, and the way to be rid of them."""

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
        path: its folder.
        root: folder that the images came from; empty where the store is damaged.
        images: how many.
        side: side of each in pixels.
        bytes: what it takes on disk.
        used: when it was last opened, seconds since 1970.
        done: images that are decoded; fewer than `images` where a build was stopped, or is under way.
    """

    path: Path
    root: str
    images: int
    side: int
    bytes: int
    used: float
    done: int


def stores(folder: Path) -> list[Store]:
    """All stores in a cache folder, the one used last first; none where there is no such folder."""
    found = (_read(path) for path in (folder / "images").glob("*") if path.is_dir())
    return sorted(found, key=lambda store: -store.used)


def remove(store: Store) -> bool:
    """Remove a store; whoever has it mapped keeps it for as long.

    Returns:
        False where another process builds it just now, or it cannot be removed; it is left alone then.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock_of(store.path.with_suffix("")), timeout=0, thread_local=False):
            shutil.rmtree(store.path)
    except (Timeout, OSError):
        return False
    return True


def _read(path: Path) -> Store:
    size, images, side, root, used = disk_bytes(path / PIXELS), 0, 0, "", 0.0
    # What is damaged is shown too, or nobody would find it to remove it.
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
