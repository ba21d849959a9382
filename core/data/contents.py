"""Digests of the image files of a table, cached so that only new and changed files are read."""

import hashlib
import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from core.data.watch import Watch, in_parts
from core.errors import InputError
from core.runs.disk import locked, replace_file, settled
from core.runs.text import safe_text

DIGEST = 16
"""Size of a digest in bytes (blake2b)."""
ROWS = 256
"""Files per part, between two checks for a stop request."""

Digests = npt.NDArray[np.uint8]
_Known = tuple[int, int, str]
"""Size, modification time in ns, and digest of a file."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageFiles:
    """Image files in the order of their rows, with paths relative to `root`.

    `where` gives the location of a row in the table, for error messages.
    """

    root: Path
    paths: tuple[str, ...]
    where: Callable[[int], str]

    def path(self, row: int) -> str:
        """Path of a file; a string for speed, as there may be hundreds of thousands."""
        return f"{self.root}/{self.paths[row]}"

    def read(self, row: int) -> bytes:
        """Read a file; raises InputError if it cannot be read."""
        try:
            with open(self.path(row), "rb") as file:  # noqa: PTH123
                return file.read()
        except OSError as error:
            raise self.unreadable(row, error) from None

    def unreadable(self, row: int, error: OSError) -> InputError:
        """Error for a file that cannot be read."""
        missing = isinstance(error, FileNotFoundError)
        return self.broken(row, "is missing" if missing else f"cannot be read ({error.strerror})")

    def broken(self, row: int, what: str) -> InputError:
        """Error for a broken file, with its location in the table."""
        path = safe_text(self.paths[row])
        return InputError(f"{self.where(row)}: image '{path}' {what}; 'prusc data check' finds all such images")


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Image files with the digests of their contents, uint8 [n, 16], which are cached in file `memory`."""

    files: ImageFiles
    digests: Digests
    memory: Path

    def __len__(self) -> int:
        return len(self.digests)

    def read(self, row: int) -> bytes:
        """Read a file; raises InputError if it cannot be read or no longer matches its digest."""
        data = self.files.read(row)
        if _digest(data) != self.digests[row].tobytes():
            # Otherwise a change that kept size and time would go unnoticed again.
            self.memory.unlink(missing_ok=True)
            raise self.files.broken(row, "has changed since it was first read; start again")
        return data


def contents_of(files: ImageFiles, folder: Path, watch: Watch) -> Contents:
    """Compute the digest of every file; files with unchanged size and time are not read again.

    The digests are cached in `folder`, the cache folder, if it is writable; also those computed before a stop. Raises
    InputError if a file is missing or cannot be read.
    """
    name = hashlib.blake2b(os.fsencode(files.root.resolve()), digest_size=DIGEST).hexdigest()
    memory = folder / "digests" / f"{name}.json"
    known = _recall(memory)
    digests = np.zeros((len(files.paths), DIGEST), dtype=np.uint8)

    def look(rows: slice) -> dict[str, _Known]:
        new = {}
        for row in range(rows.start, rows.stop):
            path = files.paths[row]
            try:
                stat = os.stat(files.path(row))  # noqa: PTH116
            except OSError as error:
                raise files.unreadable(row, error) from None
            sign = stat.st_size, stat.st_mtime_ns
            old = known.get(path)
            if old is not None and (old[0], old[1]) == sign:
                digests[row] = np.frombuffer(bytes.fromhex(old[2]), np.uint8)
                continue
            digest = _digest(files.read(row))
            digests[row] = np.frombuffer(digest, np.uint8)
            if settled((stat.st_mtime_ns, stat.st_size, stat.st_ino)):
                new[path] = (*sign, digest.hex())
        return new

    total, done, computed = len(files.paths), 0, dict[str, _Known]()
    parts = (slice(start, min(start + ROWS, total)) for start in range(0, total, ROWS))
    try:
        with closing(in_parts(parts, look)) as looked:
            for rows, new in looked:
                computed |= new
                done += rows.stop - rows.start
                watch.step("reading", done, total)
    finally:
        if computed:
            _remember(memory, computed)
    return Contents(files, digests, memory)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST).digest()


def _recall(memory: Path) -> dict[str, _Known]:
    try:
        found = orjson.loads(memory.read_bytes())
        return {path: (int(size), int(time), str(digest)) for path, (size, time, digest) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(memory: Path, computed: dict[str, _Known]) -> None:
    # An unwritable cache only costs time at the next start.
    with suppress(OSError, InputError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with locked(memory.with_suffix(".lock"), "the cache of digests"):
            replace_file(memory, orjson.dumps(_recall(memory) | computed))
