"""Files shared by several processes: atomic replacement, locks, and signatures to detect changes."""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from core.errors import InputError

Signature = tuple[int, int, int]
# Two writes within one tick of the file system's clock can have the same time and size.
_SETTLED_NS = 100_000_000

FULL = "the disk is full; free some space, then resume the run"
"""Why a run failed, or could not even record that."""
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of a file or file system that this user may not write."""


class HeldError(InputError):
    """Another process or thread holds a lock."""


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace the content of a file atomically: readers see the old or the new content, even after a crash.

    The caller must hold the lock of the file: the temporary file beside it has a fixed name, so that the next writer
    takes over one that a killed process has left, and nobody touches that of a living one. On an error, such as a full
    disk, the old file is unchanged. If not `durable`, a power failure can leave neither content: the caller syncs.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of the user's atomically, for which there is no lock: of several writers, the last one wins.

    A link stays one and the file keeps its permissions. What is not a regular file, such as a pipe or /dev/stdout, is
    written to and never replaced. On an error, such as a full disk, the old file is unchanged.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:  # never through a link that somebody has put there
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk, so that they survive a power failure."""
    # Some file systems cannot sync folders.
    with suppress(OSError) if path.is_dir() else nullcontext():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_below(folder: Path) -> None:
    """Write a folder with all its files to the disk, as `sync` does."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk, or the share of it that this user may have, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def signature(path: Path) -> Signature | None:
    """Signature that changes when a file is replaced: (time in ns, size in bytes, inode); None without a file."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def settled(sign: Signature | None) -> bool:
    """Whether an equal signature later implies equal content, which is not the case just after a write."""
    return sign is not None and time.time_ns() - sign[0] > _SETTLED_NS


@contextmanager
def locked(path: Path, what: str, timeout: float = 60.0) -> Iterator[None]:
    """Hold the lock file `path` against other processes and threads; the system releases it if the process ends.

    Its folder must exist. `what` names the locked object in messages; `timeout` is in seconds, 0 to fail immediately.
    Raises HeldError if another process or thread holds the lock, and InputError if the folder is not writable.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=timeout, poll_interval=0.01, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise HeldError(f"{what} is locked by another process; try again later") from None
    except OSError as error:
        if error.errno not in DENIED:
            raise
        raise InputError(f"{path.parent}: is not writable; set PRUSC_HOME to a writable folder") from None
    try:
        yield
    finally:
        lock.release()
