"""The run log: a TinyDB index of all runs, which any number of processes may read and write."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs.alive import run_alive
from core.runs.disk import locked
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import ACTIVE, InvalidIdError, RunRecord, checked_id, worked
from core.runs.text import safe_text

if TYPE_CHECKING:
    from tinydb.table import Document, Table

    from core.runs.storage import AtomicStorage

_TABLE = "runs"
LAST = "last"
"""Stands for the newest run wherever a run is named; no run may be called so."""


class RunLog:
    """One small document per run. The run folders are the truth: the index can be rebuilt from them.

    Every change takes a lock around reading, changing and replacing the whole file; reading takes none. Threads may
    share a RunLog.

    Args:
        home: where the runs are.
        clock: gives the seconds since 1970, up to which the work of a running run is counted.
    """

    def __init__(self, home: Home, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self._clock = clock
        self._storage: AtomicStorage | None = None

    def put(self, record: RunRecord) -> None:
        """Write a run into the index, anew or over what it said of it.

        The run's folder is read again under the lock, so that of two processes that changed the record at once the
        later one wins here too; `record` counts for a run without a folder.
        """
        with self._writing() as runs:
            runs.upsert(_document(self._newest(record)))

    def register(self, record: RunRecord, exact_name: bool = False) -> RunRecord:
        """Write a new run into the index under a name that no other run has.

        Args:
            record: its name is what the run is to be called, or the base of it.
            exact_name: refuse a name that is taken, instead of adding a number.

        Returns:
            The record with the name that it got.

        Raises:
            InputError: the name is taken, empty, `last`, or has control characters.
        """
        name = _checked_name(record.name) if exact_name else record.name.strip()
        with self._writing() as runs:
            taken = {document["name"] for document in runs}
            if exact_name:
                _require_free(name, taken)
            record = replace(record, name=_unique(name, taken))
            runs.upsert(_document(record))
        return record

    def rename(self, run: RunFolder | str, name: str) -> RunRecord:
        """Give a run another name, in its folder and in the index.

        Args:
            run: its folder, or its id.
            name: what it is to be called; no other run may have that name.

        Returns:
            The record with the new name.

        Raises:
            InputError: no such run; or the name is taken, empty, `last`, or has control characters.
        """
        folder = RunFolder.open(self.home, run if isinstance(run, str) else run.id)
        name = _checked_name(name)
        # Under the lock of the index, so that no other process takes the name meanwhile.
        with self._writing() as runs:
            _require_free(name, {document["name"] for document in runs if document["id"] != folder.id})
            record = folder.update(name=name)
            runs.upsert(_document(record))
        return record

    def remove(self, id: str) -> None:
        """Take a run out of the index; one that is not there is fine."""
        with self._writing() as runs:
            runs.remove(doc_ids=[_number(id)])

    def get(self, id: str) -> dict[str, Any] | None:
        """Return the summary of a run, status and seconds as in `all`; None where there is none."""
        try:
            found = self._runs().get(doc_id=_number(id))
        except InvalidIdError:
            return None
        return self._settled(found) if found is not None else None

    def all(self) -> list[dict[str, Any]]:
        """Return all summaries, newest first.

        A run whose process is gone is `lost` or what its folder says; the seconds of a running run are those up to now.
        """
        return [self._settled(document) for document in sorted(self._runs(), key=_age)]

    def find_stage(self, name: str, key: str) -> list[str]:
        """Return the ids of the runs that made stage `name` with an equal key, newest first."""
        from tinydb import where

        found = self._runs().search(where("stage_keys")[name] == key)
        return [document["id"] for document in sorted(found, key=_age)]

    def rebuild(self, on_skip: Callable[[str], None] | None = None) -> int:
        """Make the index anew from the run folders.

        Args:
            on_skip: is told of every folder whose record cannot be read, in one sentence.

        Returns:
            The number of runs in the index.
        """
        with self._lock():
            documents = []
            for path in sorted(self.home.runs.glob("[!.]*")):
                try:
                    documents.append(_document(RunFolder(self.home, path.name).record()))
                except InputError as error:
                    if on_skip is not None:
                        on_skip(str(error))
            # The old index may be what is broken, so it is not read; and it stays until the new one is whole.
            with self._replacing(None) as runs:
                runs.insert_multiple(documents)
        return len(documents)

    def _newest(self, record: RunRecord) -> RunRecord:
        try:
            return RunFolder(self.home, record.id).record()
        except InputError:
            return record

    def _settled(self, summary: dict[str, Any]) -> dict[str, Any]:
        pid = summary["pid"]
        if summary["status"] not in ACTIVE or (summary["status"] == "queued" and pid is None):
            return summary
        try:
            folder = RunFolder(self.home, summary["id"])
            if run_alive(folder.path, pid, summary["pid_started"], summary["host"]):
                return summary | {"seconds": worked(summary, self._clock())}
            # The process may have ended the run properly and died before it told the index.
            return folder.settled().summary()
        except InputError:
            return summary | {"status": "lost"}

    def _runs(self) -> "Table":
        """Return the table for reading; it parses the file only where it changed."""
        from tinydb import TinyDB

        from core.runs.storage import AtomicStorage

        if self._storage is None:
            self._storage = AtomicStorage(self.home.index)
        storage = self._storage
        # A TinyDB of its own for every reading: all it would keep is a cache of queries that knows of no other writer.
        return TinyDB(storage=lambda: storage).table(_TABLE)

    @contextmanager
    def _writing(self) -> "Iterator[Table]":
        """Lock the index, read it once and replace it once at the end."""
        from core.runs.storage import AtomicStorage

        with self._lock(), self._replacing(AtomicStorage(self.home.index).read()) as runs:
            yield runs

    @contextmanager
    def _replacing(self, content: dict[str, dict[str, Any]] | None) -> "Iterator[Table]":
        """Change `content` and write it as the index, all of it or, where an error gets in between, nothing."""
        from tinydb import TinyDB

        from core.runs.storage import AtomicStorage, Draft

        draft = Draft(content)
        yield TinyDB(storage=lambda: draft).table(_TABLE)
        AtomicStorage(self.home.index).write(draft.content or {})

    def _lock(self) -> AbstractContextManager[None]:
        Home.open(self.home.root)
        return locked(self.home.locks / "index.lock", str(self.home.index))


def _document(record: RunRecord) -> "Document":
    from tinydb.table import Document

    return Document(record.summary(), doc_id=_number(record.id))


def _number(id: str) -> int:
    """TinyDB's id of the document of a run: the run id read in base 36, so that no counter is needed.

    The 1 in front keeps leading zeros apart.
    """
    return int(f"1{checked_id(id)}", 36)


def _age(summary: dict[str, Any]) -> tuple[float, str]:
    return -(summary["created"] or 0.0), summary["id"]


def _unique(base: str, taken: set[str]) -> str:
    base = safe_text(base.strip()) or "run"
    if base not in taken and base != LAST:
        return base
    return next(name for n in count(2) if (name := f"{base}-{n}") not in taken)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or name == LAST or safe_text(name) != name:
        raise InputError(f"a run cannot be called '{safe_text(name)}'; choose another name")
    return name


def _require_free(name: str, taken: set[str]) -> None:
    if name in taken:
        raise InputError(f"there is a run called '{name}'; choose another name")
