"""The folder of one run: its authoritative state, written by one process and read by many."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import orjson

from core.errors import InputError
from core.runs.alive import gone, here, this_host
from core.runs.disk import HeldError, locked, replace_file
from core.runs.home import Home
from core.runs.record import ACTIVE, InvalidIdError, RunRecord, checked_id
from core.runs.text import safe_text

GOES_ON = b"goes on"
"""Content of the request to stop a run that is then queued again."""
_OLD = ".old-"
"""Beginning of the name of a folder that is being replaced."""
LET_GO_WITHIN = 2.0
"""Seconds to wait for a process that is about to let go of a run: it has recorded how the run ended, or looks whether
it may claim it."""


class RunFolder:
    """One run on disk: any number of processes may read it and change its record, but only one at a time writes it.

    The file of events has one JSON object per line, `log` is the console output of its worker.
    """

    def __init__(self, home: Home, id: str) -> None:
        self.home = home
        self.id = id
        try:
            self.path = home.runs / checked_id(id)
        except InvalidIdError:
            raise InputError(f"no run '{safe_text(id)}' in {home.root}") from None
        self.record_path = self.path / "run.json"
        self.events = self.path / "events.jsonl"
        self.log = self.path / "console.log"
        self._stop = self.path / "stop"

    @classmethod
    def create(cls, home: Home, record: RunRecord) -> Self:
        """Create the folder of a new run and write its record; raises FileExistsError if the id is taken."""
        folder = cls(home, record.id)
        folder.path.mkdir(parents=True)
        try:
            replace_file(folder.record_path, _dump(record))
        except OSError:  # such as a full disk: half a run would stay for ever
            folder.path.rmdir()
            raise
        return folder

    @classmethod
    def open(cls, home: Home, id: str) -> Self:
        """Find the folder of a run; raises InputError if there is no such run."""
        folder = cls(home, id)
        if not folder.record_path.is_file():
            raise InputError(f"no run '{id}' in {home.root}")
        return folder

    @classmethod
    def adopt(cls, home: Home, path: Path, record: RunRecord) -> Self:
        """Move in the complete folder `path` of a run, which is on the same file system, with this record.

        A run with the same id is replaced; InputError is raised if a process is writing it.
        """
        folder = cls(home, record.id)
        replace_file(path / folder.record_path.name, _dump(record))
        old = home.runs / f"{_OLD}{record.id}"
        with ExitStack() as stack:
            if folder.path.exists():
                stack.enter_context(folder.writer())
                folder.path.replace(old)
            path.replace(folder.path)
        shutil.rmtree(old, ignore_errors=True)
        return folder

    @classmethod
    def restore(cls, home: Home) -> None:
        """Bring back runs whose replacement by `adopt` was interrupted."""
        for old in home.runs.glob(f"{_OLD}*"):
            now = home.runs / old.name.removeprefix(_OLD)
            if now.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.replace(now)

    def artifacts(self, stage: str) -> Path:
        return self.path / "artifacts" / stage

    def checkpoint(self, stage: str) -> Path:
        return self.path / "checkpoints" / f"{stage}.pt"

    def has_checkpoint(self, stage: str) -> bool:
        """Whether a stage can continue from a checkpoint."""
        last = self.checkpoint(stage)
        return last.exists() or earlier(last).exists()

    def drop_checkpoint(self, stage: str) -> None:
        """Remove the checkpoints of a stage: it is done, or starts over."""
        for path in self.checkpoint(stage).parent.glob(f"{stage}.*"):  # also one that a kill left half written
            path.unlink(missing_ok=True)

    def record(self) -> RunRecord:
        """Read run.json; raises InputError if there is no such run, or its record cannot be read."""
        try:
            record = RunRecord.from_json(orjson.loads(self.record_path.read_bytes()))
            if record.id != self.id:
                raise ValueError(f"it is the record of run {record.id}")
            return record
        except FileNotFoundError:
            raise InputError(f"no run '{self.id}' in {self.home.root}") from None
        except OSError as error:
            raise InputError(f"{self.record_path}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{self.record_path}: is not a valid record; delete the folder {self.path}") from None

    def settled(self, record: RunRecord | None = None) -> RunRecord:
        """The record, with status `lost` if it is queued or running and its process no longer exists.

        On this machine, id and start time of the process are checked; on another machine, the run is lost after 60 s
        without a heartbeat. A queued run without a process stays queued. A `record` is the content of run.json, just
        read.
        """
        if record is None:
            record = self.record()
        if gone(self.path, record):
            # The run may have ended properly after the record was read.
            record = self.record()
            if gone(self.path, record):
                return dataclasses.replace(record, status="lost")
        return record

    def status(self) -> str:
        return self.settled().status

    def update(self, **changes: Any) -> RunRecord:
        """Change fields of the record, and return it; changes of other processes to other fields are kept.

        Raises OSError if the disk is full; the old record is then unchanged.
        """
        return self.change(lambda record: dataclasses.replace(record, **changes))

    def update_stage(self, name: str, **changes: Any) -> RunRecord:
        """Change fields of one stage of the record, as `update` does; raises ValueError if there is no such stage."""

        def change(record: RunRecord) -> RunRecord:
            new = dataclasses.replace(record.stage(name), **changes)
            return dataclasses.replace(record, stages=tuple(new if s.name == name else s for s in record.stages))

        return self.change(change)

    def change(self, change: Callable[[RunRecord], RunRecord]) -> RunRecord:
        """Replace the record by what `change` makes of it, and return it; nothing else changes it meanwhile."""
        self.record()
        with locked(self.path / "run.lock", f"the record of run '{self.id}'"):
            old = self.record()
            new = change(old)
            if new != old:
                replace_file(self.record_path, _dump(new))
        return new

    def claim(self, **changes: Any) -> RunRecord:
        """Change the record for a process that is about to work on the run, as `update` does.

        A process may claim again what it has claimed and not begun. Raises InputError if another one has the run in
        hand, still writes it or has finished it: of many that claim it at once, one gets it.
        """

        def change(record: RunRecord) -> RunRecord:
            now = self.settled(record)
            mine = here()
            begun = now.status != "queued" or any(getattr(now, name) != value for name, value in mine.items())
            if now.status == "finished":  # by another process, for whose end this one has waited
                raise InputError(f"run '{now.name}' is finished; there is nothing to resume")
            if now.in_hand and begun:
                raise InputError(f"run '{now.name}' is {now.status}: another process works on it; stop that one first")
            return dataclasses.replace(record, **changes)

        with self.writer(LET_GO_WITHIN):
            return self.change(change)

    def request_stop(self, *, goes_on: bool = False) -> None:
        """Ask the process of the run to stop; if it `goes_on` in another one, it is then queued and not stopped.

        That the run is to stop for good takes precedence, whichever is asked first.
        """
        if not goes_on:
            self._stop.write_bytes(b"")
            return
        with suppress(FileExistsError), self._stop.open("xb") as file:
            file.write(GOES_ON)

    def stop_requested(self) -> bool:
        return self._stop.exists()

    def take_stop(self) -> dict[str, Any]:
        """Remove the request to stop, and return the fields of the record of the run, which has stopped."""
        goes_on = self._stop.exists() and self._stop.read_bytes() == GOES_ON
        self.clear_stop()
        if not goes_on:
            return {"status": "stopped"}
        return {"status": "queued", "ended": None, "pid": None, "pid_started": None, "host": None}

    def clear_stop(self) -> None:
        self._stop.unlink(missing_ok=True)

    def say(self, text: str) -> None:
        """Append lines to the console log; nothing happens if the disk is full."""
        with suppress(OSError), self.log.open("a", encoding="utf-8") as file:
            file.write(f"{text.rstrip()}\n")

    def beat(self) -> None:
        """Update the heartbeat, for readers on other machines."""
        (self.path / "heartbeat").touch()

    @contextmanager
    def writer(self, timeout: float = 0.0) -> Iterator[None]:
        """Lock the run for writing; the lock ends with the process at the latest.

        Raises InputError if another process or thread is still writing it after `timeout` seconds.
        """
        none = InputError(f"no run '{self.id}' in {self.home.root}")
        if not self.path.is_dir():
            raise none
        holder = self.path / "writer"
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path / "writer.lock", f"run '{self.id}'", timeout))
            except HeldError:
                who = holder.read_text() if holder.exists() else "unknown"
                raise InputError(f"run '{self.id}' is being written by process {who}; stop that one first") from None
            except FileNotFoundError:  # deleted while this process waited
                raise none from None
            if not self.path.is_dir():
                raise none
            if [file.name for file in self.path.iterdir()] == ["writer.lock"]:  # deleted, and made again by the lock
                shutil.rmtree(self.path, ignore_errors=True)
                raise none
            with suppress(OSError):  # the lock holds without it, if the disk is full
                holder.write_text(f"{os.getpid()} on {this_host()}")
            yield

    def delete(self) -> None:
        """Remove the run's folder, but not from the index; raises InputError if another process works on the run."""
        with self.writer():
            self._refuse_at_work()
            # Renamed first, so that an interrupted deletion does not leave half a run.
            self.path.replace(self.home.runs / f".deleted-{self.id}")
        for leftover in self.home.runs.glob(".deleted-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _refuse_at_work(self) -> None:
        try:
            now = self.settled()
        except InputError:
            return  # a folder without a readable record can be deleted as well
        if now.status in ACTIVE and now.pid not in (None, os.getpid()):
            raise InputError(f"run '{now.name}' is {now.status}; stop it first: prusc stop {now.id}")


def earlier(checkpoint: Path) -> Path:
    """Where the checkpoint before this one is kept."""
    return checkpoint.with_suffix(".earlier.pt")


def _dump(record: RunRecord) -> bytes:
    return orjson.dumps(record.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
