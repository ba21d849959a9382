"""Files that several processes share: replaced whole, locked, and read again only when they changed."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import InputError

Signature = tuple[int, int, int]
# Two writes within one tick of the file system's clock can leave the same time and size.
_SETTLED_NS = 100_000_000


class HeldError(InputError):
    """Another process, or another thread, holds a lock."""


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in place of a file so that every reader, even after a crash, sees the old content or the new one.

    The caller holds the lock that guards the file: the temporary file beside it has a fixed name, so that one left by a
    killed process is overwritten by the next.

    Raises:
        OSError: the disk is full or read-only; the old file is as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    # Some file systems cannot sync a folder; the file itself is safe by then.
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def signature(path: Path) -> Signature | None:
    """What changes when a file is replaced: (time in ns, size in bytes, inode); None where there is no file."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def settled(sign: Signature | None) -> bool:
    """Whether an equal signature later on proves that the file is the same: not so for a file written just now."""
    return sign is not None and time.time_ns() - sign[0] > _SETTLED_NS


@contextmanager
def locked(path: Path, what: str, timeout: float = 60.0) -> Iterator[None]:
    """Hold the lock file `path` between processes and threads; the system lets go of it when its process dies.

    Args:
        path: the lock file; its folder exists.
        what: what it guards, for the sentence of an error.
        timeout: seconds to wait for another holder; 0 gives up at once.

    Raises:
        HeldError: somebody else holds the lock.
        InputError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=timeout, poll_interval=0.01, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise HeldError(f"{what} is held by another process; try again when that one is done") from None
    except PermissionError:
        raise InputError(f"{path.parent}: cannot be written; set PRUSC_HOME to a folder of your own") from None
    try:
        yield
    finally:
        lock.release()
