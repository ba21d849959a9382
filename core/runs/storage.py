"""TinyDB storage of the index: replaced atomically, without an open file handle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from tinydb import Storage

from core.errors import InputError
from core.heap import uncollected
from core.runs.disk import Signature, replace_file, settled, signature, sync
from core.runs.summaries import Flaw, flaw

Tables = dict[str, dict[str, Any]]

TABLE = "runs"


class AtomicStorage(Storage):
    """A JSON file that is replaced atomically.

    `read` returns the same object while the file is unchanged, so callers must not modify it; a writer uses its own
    storage and holds the lock from its first read to its last write. `rebuilt` makes the content of a file with a
    flaw.
    """

    def __init__(self, path: Path, rebuilt: Callable[[Flaw], Tables]) -> None:
        self._path = path
        self._rebuilt = rebuilt
        self._content: Tables | None = None
        self._signature: Signature | None = None

    def read(self) -> Tables | None:
        """All tables, None without a file; raises InputError if the file cannot be read."""
        now = signature(self._path)
        if now is None or now != self._signature:
            try:
                data = self._path.read_bytes()
            except FileNotFoundError:
                return None
            except OSError as error:
                raise InputError(f"{self._path}: cannot be read ({error.strerror})") from None
            with uncollected():
                content = _index_in(data)
                wrong = "damaged" if content is None else flaw(content.get(TABLE, {}))
            if content is None or wrong is not None:
                content = self._rebuilt(wrong or "damaged")
            # The signature was read before the content, so at worst the file is read again.
            self._content, self._signature = content, now if settled(now) else None
            return content
        return self._content

    def write(self, data: Tables) -> None:
        """Replace the file; it is not safe from a power failure before `sync`."""
        self._content = self._signature = None
        replace_file(self._path, orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY), durable=False)

    def sync(self) -> None:
        """Make what was written so far safe from a power failure, with all that others have written since."""
        sync(self._path)
        sync(self._path.parent)


class Draft(Storage):
    """Tables in memory, so that a change in several steps is written at once."""

    def __init__(self, content: Tables | None) -> None:
        self.content = content

    def read(self) -> Tables | None:
        return self.content

    def write(self, data: Tables) -> None:
        self.content = data


def _index_in(data: bytes) -> Tables | None:
    """The index in the content of a file, whatever its runs are; None if there is none."""
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) and isinstance(content.get(TABLE, {}), dict) else None
