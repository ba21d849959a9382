"""TinyDB storage of the index: replaced atomically, without an open file handle."""

from pathlib import Path
from typing import Any

import orjson
from tinydb import Storage

from core.errors import InputError
from core.runs.disk import Signature, replace_file, settled, signature


class AtomicStorage(Storage):
    """A JSON file that is replaced atomically.

    `read` returns the same object while the file is unchanged, so callers must not modify it; a writer uses its own
    storage and holds the lock from its first read to its last write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: dict[str, dict[str, Any]] | None = None
        self._signature: Signature | None = None

    def read(self) -> dict[str, dict[str, Any]] | None:
        """All tables, None without a file; raises InputError if the file is not an index."""
        now = signature(self._path)
        if now is None or now != self._signature:
            try:
                content: dict[str, dict[str, Any]] = orjson.loads(self._path.read_bytes())
            except FileNotFoundError:
                return None
            except OSError as error:
                raise InputError(f"{self._path}: cannot be read ({error.strerror})") from None
            except orjson.JSONDecodeError:
                raise InputError(f"{self._path}: is not an index of runs; run 'prusc index rebuild'") from None
            if not isinstance(content, dict):
                raise InputError(f"{self._path}: is not an index of runs; run 'prusc index rebuild'")
            # The signature was read before the content, so at worst the file is read again.
            self._content, self._signature = content, now if settled(now) else None
            return content
        return self._content

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        self._content = self._signature = None
        replace_file(self._path, orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY))


class Draft(Storage):
    """Tables in memory, so that a change in several steps is written at once."""

    def __init__(self, content: dict[str, dict[str, Any]] | None) -> None:
        self.content = content

    def read(self) -> dict[str, dict[str, Any]] | None:
        return self.content

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        self.content = data
