"""Leases: locks on files that several processes can hold or inherit, and that end with their last process."""

import errno
import fcntl
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.errors import InputError

SHARED = Path("/var/tmp/prusc-tui")  # the temporary folder that clusters do not give each job anew
"""Folder of the leases of a machine, for all its users; $PRUSC_LEASES names another one."""

OPEN = 0o1777
"""Permissions of that folder."""
FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
"""A link in a folder of all users must not lead to a file of one of them, as a note is written into it."""


def machine_leases() -> Path:
    """The folder of the leases that all users of this machine share, such as those of its GPUs; created if missing.

    Raises InputError if it cannot be created, or the shared one is a link, as anybody could have put it there.
    """
    given = os.environ.get("PRUSC_LEASES")
    folder = Path(given or SHARED)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = folder.stat() if given else folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is a link")
        # Every user may lease; the sticky bit keeps the files of others. A folder that the user chose stays as it is.
        if not given and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) != OPEN:
            folder.chmod(OPEN)
    except OSError as error:
        raise InputError(f"{folder}: cannot hold the leases of GPUs ({error.strerror}); set PRUSC_LEASES") from None
    return folder


def gpu_lease(folder: Path, uuid: str) -> Path:
    """The file in the folder of leases whose lease is that of a GPU."""
    return folder / f"gpu-{uuid.removeprefix('GPU-')}.lock"


@dataclass
class Lease:
    """A lease on a file, held until `release`, or until the last process that inherited `descriptor` has ended."""

    path: Path
    descriptor: int

    @classmethod
    def take(cls, path: Path, *, shared: bool = False, note: str = "") -> Self | None:
        """Lease `path`, alone or `shared` with others; None if others hold it in a way that excludes this one.

        `note` says who holds it, for `holder`. Raises OSError if the file cannot be opened or created.
        """
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        while True:
            descriptor = _open(path)
            try:
                fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if _is_at(path, descriptor):
                break
            os.close(descriptor)  # its last holder has just removed the file
        lease = cls(path, descriptor)
        lease._write(note)
        return lease

    def release(self, *, remove: bool = False) -> None:
        """End the lease in this process; `remove` deletes the file as well, which needs a lease that is not shared."""
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)

    def inherit(self) -> int:
        """The descriptor, made inheritable: pass it to a child process, which then holds the lease as well."""
        os.set_inheritable(self.descriptor, True)
        return self.descriptor

    def _write(self, note: str) -> None:
        if fcntl.fcntl(self.descriptor, fcntl.F_GETFL) & os.O_RDWR:  # not the file of another user
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, note.encode(), 0)


def is_leased(path: Path, *, alone: bool = False) -> bool:
    """Whether any process holds a lease on `path`.

    Who asks holds it for a moment. Of a lease that nobody shares (`alone`), two who ask at once do not see each other.
    """
    if not path.exists():
        return False
    lease = Lease.take(path, shared=alone, note=holder(path))
    if lease is None:
        return True
    lease.release()
    return False


def holder(path: Path) -> str:
    """The note of the last one who leased `path`; empty without one."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _open(path: Path) -> int:
    while True:
        try:
            return os.open(path, os.O_RDWR | FLAGS)
        except FileNotFoundError:
            pass
        except PermissionError:  # the file of another user; reading is enough for a lock
            return os.open(path, os.O_RDONLY | FLAGS)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | FLAGS, 0o666)
        except FileExistsError:
            continue
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o644:
            os.fchmod(descriptor, 0o644)  # other users may read it, whatever the umask
        return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
