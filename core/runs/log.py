"""The index of all runs: a TinyDB file for concurrent use by any number of processes."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs.alive import run_alive
from core.runs.disk import Signature, locked, signature
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import ACTIVE, InvalidIdError, RunRecord, number_of, worked
from core.runs.text import safe_text

if TYPE_CHECKING:
    from tinydb.table import Document, Table

    from core.runs.storage import AtomicStorage, Tables
    from core.runs.summaries import Flaw

LAST = "last"
"""Name for the newest run; runs cannot have this name."""
_DAMAGED: dict[tuple[Path, Signature | None], bool] = {}
"""Each damaged index that was read → whether `complaints` has named it."""


class RunLog:
    """One small document per run. The run folders are authoritative: the index can be rebuilt from them.

    Every change locks, reads and replaces the whole file; reading takes no lock. An index that is damaged or of an
    older version is read as what the folders say, and the next change replaces it. Thread-safe. The clock returns
    seconds since 1970, for the work time of running runs.
    """

    def __init__(self, home: Home, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self._clock = clock
        self._storage: AtomicStorage | None = None

    def put(self, record: RunRecord) -> None:
        """Add or update a run in the index.

        The record is read again from the run's folder under the lock, so that concurrent changes end with the latest
        state; `record` is used for a run without a folder.
        """
        with self._writing() as runs:
            with suppress(InputError):
                record = RunFolder(self.home, record.id).record()
            runs.upsert(_document(record))

    def expect(self, id: str, **process: Any) -> None:
        """Note in the index which process, as `here` gives it, is about to work on a run, before the folder says so.

        If it dies in between, readers see that it is gone, and look into the folder.
        """
        with self._writing() as runs:
            if runs.contains(doc_id=number_of(id)):
                runs.update({"status": "running", **process}, doc_ids=[number_of(id)])

    def put_all(self, ids: Iterable[str]) -> None:
        """Add or update many runs at once, each as its folder says; those without a readable folder are left out."""
        with self._writing() as runs:
            for id in ids:
                with suppress(InputError):
                    runs.upsert(_document(RunFolder(self.home, id).record()))

    def register(self, record: RunRecord, exact_name: bool = False) -> RunRecord:
        """Add a new run to the index under a unique name, and return the record with that name.

        If its name is taken, it gets a number. With `exact_name`, InputError is raised if the name is taken, empty,
        `last`, or has control characters.
        """
        name = _checked_name(record.name) if exact_name else record.name.strip()
        with self._writing() as runs:
            taken = {document["name"] for document in runs}
            if exact_name:
                _require_free(name, taken)
            record = replace(record, name=_unique(name, taken))
            runs.upsert(_document(record))
        return record

    def create_all(self, records: Sequence[RunRecord]) -> list[RunFolder]:
        """Create the folders of new runs and add them to the index at once, each under a unique name."""
        folders = []
        with self._writing() as runs:
            taken = {document["name"] for document in runs}
            for record in records:
                name = _unique(record.name, taken)
                taken.add(name)
                record = replace(record, name=name)
                folders.append(RunFolder.create(self.home, record))
                runs.upsert(_document(record))
        return folders

    def rename(self, run: RunFolder | str, name: str) -> RunRecord:
        """Rename a run, given by its folder or id, in its folder and in the index; return its record.

        Raises InputError if there is no such run, or the name is taken, empty, `last`, or has control characters.
        """
        folder = RunFolder.open(self.home, run if isinstance(run, str) else run.id)
        name = _checked_name(name)
        # Under the lock of the index, so that no other process can take the name.
        with self._writing() as runs:
            _require_free(name, {document["name"] for document in runs if document["id"] != folder.id})
            record = folder.update(name=name)
            runs.upsert(_document(record))
        return record

    def remove(self, id: str) -> None:
        """Remove a run from the index, if it is there."""
        with self._writing() as runs:
            runs.remove(doc_ids=[number_of(id)])

    def get(self, id: str) -> dict[str, Any] | None:
        """Return the summary of a run, with status and seconds as in `all`, or None."""
        try:
            found = self._runs().get(doc_id=number_of(id))
        except InvalidIdError:
            return None
        return self._settled(found) if found is not None else None

    def all(self) -> list[dict[str, Any]]:
        """All summaries, newest first; they are shared between calls, so callers must not change them.

        Runs without their process have the status of their folder or are `lost`; the seconds of running runs are
        current.
        """
        return [self._settled(summary) for summary in sorted(self._summaries(), key=_age)]

    def find_stage(self, name: str, key: str) -> list[str]:
        """Return the ids of runs that have completed stage `name` with this key, newest first."""
        found = (summary for summary in self._summaries() if summary["stage_keys"].get(name) == key)
        return [summary["id"] for summary in sorted(found, key=_age)]

    def rebuild(self, on_skip: Callable[[str], None] | None = None) -> int:
        """Rebuild the index from the run folders, and return the number of runs.

        Calls `on_skip` with an error message for every unreadable folder.
        """
        with self._lock() as storage:
            tables = self._from_folders(on_skip)
            storage.write(tables)
        return sum(map(len, tables.values()))

    def _from_folders(self, on_skip: Callable[[str], None] | None = None) -> "Tables":
        from core.runs.storage import TABLE

        summaries = {}
        for path in sorted(self.home.runs.glob("[!.]*")):
            try:
                summary = RunFolder(self.home, path.name).record().summary()
            except InputError as error:
                if on_skip is not None:
                    on_skip(str(error))
            else:
                summaries[str(number_of(path.name))] = summary
        return {TABLE: summaries}

    def _instead(self, flaw: "Flaw") -> "Tables":
        """What the index would be, in place of one with a flaw; only damage is worth a word."""
        if flaw == "damaged":
            _DAMAGED.setdefault((self.home.index, signature(self.home.index)), False)
        return self._from_folders()

    def _settled(self, summary: dict[str, Any]) -> dict[str, Any]:
        pid = summary["pid"]
        if summary["status"] not in ACTIVE or (summary["status"] == "queued" and pid is None):
            return summary
        try:
            folder = RunFolder(self.home, summary["id"])
            if run_alive(folder.path, pid, summary["pid_started"], summary["host"]):
                return summary | {"seconds": worked(summary, self._clock())}
            # The process may have ended the run properly, but died before updating the index.
            return folder.settled().summary()
        except InputError:
            return summary | {"status": "lost"}

    def _summaries(self) -> Iterable[dict[str, Any]]:
        """All summaries as they stand in the file: TinyDB would copy each of them."""
        from core.runs.storage import TABLE

        return (self._reading().read() or {}).get(TABLE, {}).values()

    def _runs(self) -> "Table":
        """Return the table for reading."""
        from tinydb import TinyDB

        from core.runs.storage import TABLE

        storage = self._reading()
        # A new TinyDB per read, as its query cache ignores other writers.
        return TinyDB(storage=lambda: storage).table(TABLE)

    def _reading(self) -> "AtomicStorage":
        """The file for reading, which is parsed only if it changed."""
        from core.runs.storage import AtomicStorage

        if self._storage is None:
            self._storage = AtomicStorage(self.home.index, self._instead)
        return self._storage

    @contextmanager
    def _writing(self) -> "Iterator[Table]":
        """Lock the index, read it once and replace it once at the end; on an error, nothing is written."""
        from tinydb import TinyDB

        from core.runs.storage import TABLE, Draft

        with self._lock() as storage:
            draft = Draft(storage.read())
            yield TinyDB(storage=lambda: draft).table(TABLE)
            storage.write(draft.content or {})

    @contextmanager
    def _lock(self) -> "Iterator[AtomicStorage]":
        """Hold the index, and then wait until the disk has it.

        The lock is free by then, so that processes that change the index at once wait for the disk together. A power
        failure meanwhile can damage the file, which is then made again from the folders.
        """
        from core.runs.storage import AtomicStorage

        Home.open(self.home.root)
        storage = AtomicStorage(self.home.index, self._instead)
        with locked(self.home.locks / "index.lock", str(self.home.index)):
            yield storage
        storage.sync()


def complaints() -> list[str]:
    """One sentence for each damaged index that this process has read since the last call; each is named once."""
    new = [damaged for damaged, said in _DAMAGED.items() if not said]
    _DAMAGED.update(dict.fromkeys(new, True))
    return [
        f"{index}: is damaged, so the folders of the runs were read; "
        "the next change of a run or 'prusc index rebuild' writes it again"
        for index in dict.fromkeys(index for index, _ in new)
    ]


def _document(record: RunRecord) -> "Document":
    from tinydb.table import Document

    return Document(record.summary(), doc_id=number_of(record.id))


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
        raise InputError(f"a run cannot be named '{safe_text(name)}'; choose another name")
    return name


def _require_free(name: str, taken: set[str]) -> None:
    if name in taken:
        raise InputError(f"a run named '{name}' exists; choose another name")
