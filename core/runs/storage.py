"""How TinyDB keeps the index on disk: replaced whole, no handle kept open."""

from pathlib import Path
from typing import Any

import orjson
from tinydb import Storage

from core.errors import InputError
from core.runs.disk import Signature, replace_file, settled, signature


class AtomicStorage(Storage):
    """A JSON file that readers always see whole.

    `read` returns the same object while the file is unchanged, so it must not be changed; a writer takes a storage of
    its own and holds the lock from its first read to its last write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: dict[str, dict[str, Any]] | None = None
        self._signature: Signature | None = None

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return all tables, None where there is no file yet.

        Raises:
            InputError: the file is no index.
        """
        now = signature(self._path)
        if now is None or now != self._signature:
            try:
                content: dict[str, dict[str, Any]] = orjson.loads(self._path.read_bytes())
            except FileNotFoundError:
                return None
            except OSError as error:
                raise InputError(f"{self._path}: cannot be read ({error.strerror})") from None
            except orjson.JSONDecodeError:
                raise InputError(f"{self._path}: is no index of runs; run 'prusc index rebuild'") from None
            if not isinstance(content, dict):
                raise InputError(f"{self._path}: is no index of runs; run 'prusc index rebuild'")
            # The signature is older than the content, so at worst the file is read once more.
            self._content, self._signature = content, now if settled(now) else None
            return content
        return self._content

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace the file."""
        self._content = self._signature = None
        replace_file(self._path, orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY))


class Draft(Storage):
    """Tables in memory while they are changed, so that a change of several steps is written as one."""

    def __init__(self, content: dict[str, dict[str, Any]] | None) -> None:
        self.content = content

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return the tables as they now are."""
        return self.content

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Take the tables over."""
        self.content = data
