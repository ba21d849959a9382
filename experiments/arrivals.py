"""Import of runs from another home: what to do with each of them, and doing it (no torch)."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from core.errors import InputError
from core.runs.alive import gone
from core.runs.disk import locked
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.query import Query, parse
from core.runs.record import ACTIVE, RunRecord, checked_id, new_id
from core.runs.text import safe_text
from experiments.elsewhere import RECORD, Elsewhere, elsewhere

Deed = Literal["import", "update", "same", "left out", "conflict"]
_STAGED = ".import-"
_OF_A_PROCESS = ("writer", "writer.lock", "run.lock", "stop")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A run in another home, and what becomes of it here.

    Attributes:
        place: its folder there.
        id: of the run, or the name of its folder if it has no valid record.
        deed: `import`, `update` (theirs is newer), `same`, `left out` or `conflict` (another run has its id).
        why: the reason, as a phrase.
    """

    place: Path
    id: str
    name: str
    status: str
    deed: Deed
    why: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the arrival as JSON object."""
        return {"id": self.id, "name": self.name, "status": self.status, "deed": self.deed, "why": self.why}


def import_runs(home: Home, source: str, where: str = "", *, dry_run: bool = False) -> list[Arrival]:
    """Bring the inactive runs of `FOLDER` or `HOST:FOLDER` that match a query into this home, under their ids.

    A run of the same id that is here stays as it is, unless it is the same run and theirs is newer: it is then
    replaced, but keeps its name, tags and note. A run is here completely or not at all, however the import ends.

    Args:
        home: created if missing, unless nothing is written.
        source: another home, or the folder of one run.
        where: a query, as in `prusc ls`.
        dry_run: only look.

    Raises:
        InputError: no such folder or no runs there, the query is not valid, or copying failed.
    """
    query = parse(where)
    there = elsewhere(source)
    with tempfile.TemporaryDirectory() as looked:
        places = there.look(Path(looked))
        if not places:
            raise InputError(f"{safe_text(source)}: has no runs; name a home, or the folder of a run")
        arrivals = list(_judged(home, there, places, Path(looked), query))
        wanted = [arrival for arrival in arrivals if arrival.deed in ("import", "update")]
        if wanted and not dry_run:
            home = Home.open(home.root)
            with locked(home.locks / "import.lock", "the import of runs", timeout=0):
                done = {arrival.place: arrival for arrival in _bring(home, there, wanted, Path(looked))}
            arrivals = [done.get(arrival.place, arrival) for arrival in arrivals]
    if not dry_run:
        _index(home, [arrival.id for arrival in arrivals if arrival.deed == "same"])
    return arrivals


def counted(arrivals: list[Arrival]) -> str:
    """How many runs had which fate, as a phrase."""
    words: dict[Deed, str] = {"import": "imported", "update": "updated", "same": "already here", "left out": "left out"}
    counts = Counter(arrival.deed for arrival in arrivals)
    parts = [f"{counts[deed]} {word}" for deed, word in words.items() if counts[deed]]
    if n := counts["conflict"]:
        parts.append("1 conflict" if n == 1 else f"{n} conflicts")
    return ", ".join(parts) or "no run matches"


def _judged(home: Home, there: Elsewhere, places: list[Path], looked: Path, query: Query) -> Iterator[Arrival]:
    for place in places:
        try:
            record = _read(looked / place)
            if place.name not in ("", record.id):
                raise InputError("is not named after its run")
        except InputError as error:
            yield Arrival(place, safe_text(place.name), "", "", "left out", str(error))
            continue
        # The process ids of another machine mean nothing here, whatever that machine is called.
        host = f"{there.host}/{record.host}" if there.host else record.host
        now = replace(record, status="lost") if gone(looked / place, replace(record, host=host)) else record
        if query.matches(now.summary()):
            yield Arrival(place, record.id, record.name, now.status, *_deed(home, record, now.status))


def _deed(home: Home, theirs: RunRecord, status: str) -> tuple[Deed, str]:
    if status in ACTIVE:
        return "left out", f"is {status} there"
    ours = RunFolder(home, theirs.id)
    if not ours.record_path.exists():
        return "import", ""
    try:
        here = ours.record()
    except InputError as error:
        return "left out", str(error)
    if _origin(here) != _origin(theirs):
        return "conflict", f"another run, '{here.name}', has this id here; nothing was overwritten"
    if _content(here) == _content(theirs):
        return "same", ""
    if ours.settled(here).in_hand:
        return "left out", f"is {here.status} here"
    if _latest(here) > _latest(theirs):
        return "left out", "is newer here"
    return "update", "is newer there"


def _bring(home: Home, there: Elsewhere, wanted: list[Arrival], looked: Path) -> Iterator[Arrival]:
    for left in home.runs.glob(f"{_STAGED}*"):  # of an import that was killed
        shutil.rmtree(left, ignore_errors=True)
    RunFolder.restore(home)
    staged = home.runs / f"{_STAGED}{new_id()}"
    try:
        there.fetch([arrival.place for arrival in wanted], staged)
        for arrival in wanted:
            yield _take_in(home, staged / arrival.place, arrival, _read(looked / arrival.place))
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _take_in(home: Home, folder: Path, arrival: Arrival, expected: RunRecord) -> Arrival:
    """Move a run that was copied completely into the home, then into the index."""
    try:
        record = _read(folder)
    except InputError:
        record = None
    if record != expected:
        return replace(arrival, deed="left out", why="changed while it was copied; import it again")
    for name in _OF_A_PROCESS:
        (folder / name).unlink(missing_ok=True)
    # Its process, queue and launcher are those of another machine; active without a process, a run is lost.
    status = "running" if record.status in ACTIVE else record.status
    record = replace(record, status=status, pid=None, pid_started=None, launcher="detached", job="")
    log = RunLog(home)
    if arrival.deed == "update":
        try:
            before = RunFolder(home, record.id).record()
            RunFolder.adopt(home, folder, replace(record, name=before.name, tags=before.tags, note=before.note))
        except InputError as error:
            return replace(arrival, deed="left out", why=str(error))
        log.put(record)
        return arrival
    home_of = RunFolder.adopt(home, folder, record)
    named = log.register(record)
    home_of.update(name=named.name)
    return replace(arrival, name=named.name)


def _index(home: Home, ids: list[str]) -> None:
    """Add runs to the index whose import was killed just before that."""
    log = RunLog(home)
    for id in ids:
        if log.get(id) is None:
            folder = RunFolder(home, id)
            folder.update(name=log.register(folder.record()).name)


def _read(folder: Path) -> RunRecord:
    """Read the record of a run that is not in a home."""
    try:
        record = RunRecord.from_json(orjson.loads((folder / RECORD).read_bytes()))
        checked_id(record.id)
        _ = record.summary(), _latest(record)  # values of another kind
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError("has no valid record") from None
    return record


def _origin(record: RunRecord) -> tuple[Any, ...]:
    """What a run never changes."""
    return record.created, record.recipe, record.data, record.seed


def _content(record: RunRecord) -> tuple[Any, ...]:
    """How far a run is."""
    times = record.started, record.working_since, record.ended, record.seconds
    return record.status in ACTIVE or record.status, *times, [stage.to_json() for stage in record.stages]


def _latest(record: RunRecord) -> float:
    return max(time or 0.0 for time in (record.created, record.started, record.working_since, record.ended))
