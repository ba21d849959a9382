"""What the keys do to a run: stop, kill, resume, rename, tag, note, delete, export. Each says what became of it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.feed.progress import Pulse
from core.runs.alive import kill as kill_process
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE, RunRecord
from core.runs.text import safe_text

LOOK_EVERY = 0.1
"""Seconds between looks at a run that was asked to stop."""


def stop(folder: RunFolder) -> None:
    """Ask a run to stop at its next step, with a checkpoint.

    Raises:
        InputError: it is not at work.
    """
    record = folder.settled()
    if record.status not in ACTIVE:
        raise InputError(f"run '{record.name}' is {record.status}, not running")
    if record.pid is None:
        raise InputError(f"run '{record.name}' waits for a process to take it; there is nothing to stop yet")
    folder.request_stop()


def stopped(folder: RunFolder, patience: float) -> str | None:
    """Wait until a run that was asked to stop has ended.

    Args:
        folder: of the run.
        patience: seconds to wait.

    Returns:
        What became of it, as a sentence; None where it has not answered.
    """
    until = time.monotonic() + patience
    while (record := folder.settled()).status in ACTIVE:
        if time.monotonic() >= until:
            return None
        time.sleep(LOOK_EVERY)
    return how_it_ended(folder, record)


def how_it_ended(folder: RunFolder, record: RunRecord) -> str:
    """What there is to say of a run that is no longer at work."""
    match record.status:
        case "stopped":
            return f"{record.name} stopped {_where(folder, record)}"
        case "finished":
            return f"{record.name} finished before it could stop"
        case "failed":
            return f"{record.name} failed: {record.reason}"
    return f"{record.name} is {record.status}: its process is gone; it can be resumed"


def _where(folder: RunFolder, record: RunRecord) -> str:
    stage = next((stage.name for stage in record.stages if stage.status != "done"), None)
    if stage is None:
        return "at its end"
    if not folder.checkpoint(stage).exists():
        return f"at the start of {stage}; the stages before it are kept"
    beat = Pulse(folder.events).look()
    step = f"step {beat.step:,} of {beat.total:,} of " if beat.stage == stage and beat.total > 1 else ""
    return f"at {step}{stage}, checkpoint kept"


def kill(folder: RunFolder) -> str:
    """Kill the process of a run that does not answer; the run is then lost, and can be resumed.

    Raises:
        InputError: no process works on it, or it is out of reach.
    """
    record = folder.settled()
    kill_process(record)
    return f"{record.name} is {folder.status()}: its process was killed; resume goes on from the last checkpoint"


def resume(folder: RunFolder) -> str:
    """Start a process of its own that goes on with the run.

    Raises:
        InputError: there is nothing to resume, or it cannot start; the sentence of `prusc resume`.
    """
    record = folder.settled()
    if record.status in ("finished", "running"):
        raise InputError(f"run '{record.name}' is {record.status}; there is nothing to resume")
    stage = next((stage.name for stage in record.stages if stage.status != "done"), None)
    _prusc(folder.home, "resume", folder.id, "--detach")
    if stage is None:
        return f"{record.name} goes on"
    kept = folder.checkpoint(stage).exists()
    return f"{record.name} goes on {'from the last checkpoint of' if kept else 'at the start of'} {stage}"


def rename(folder: RunFolder, name: str) -> str:
    """Give a run another name.

    Raises:
        InputError: the name is taken or will not do.
    """
    before = folder.record().name
    return f"{before} is now called {RunLog(folder.home).rename(folder, name).name}"


def read_tags(text: str) -> tuple[str, ...]:
    """Read tags from a line: words, with or without commas, each once.

    Raises:
        InputError: a tag has control characters.
    """
    for word in (words := text.replace(",", " ").split()):
        if safe_text(word) != word:
            raise InputError(f"a tag cannot be '{safe_text(word)}'; use letters, digits and signs")
    return tuple(dict.fromkeys(words))


def tag(folder: RunFolder, tags: Iterable[str]) -> str:
    """Give a run these tags and no others."""
    record = folder.update(tags=tuple(tags))
    RunLog(folder.home).put(record)
    return f"{record.name}: {' '.join(record.tags) or 'no tags'}"


def note(folder: RunFolder, text: str) -> str:
    """Give a run a note; an empty text takes it away."""
    record = folder.update(note=text.strip())
    RunLog(folder.home).put(record)
    return f"{record.name}: note {'written' if record.note else 'taken away'}"


def check_deletable(folder: RunFolder) -> None:
    """Refuse to delete a run that is at work.

    Raises:
        InputError: it is at work.
    """
    record = folder.settled()
    if record.status in ACTIVE and record.pid is not None:
        raise InputError(f"run '{record.name}' is {record.status}; stop it first")


def delete(folder: RunFolder) -> str:
    """Delete a run with all that it wrote.

    Raises:
        InputError: it is at work.
    """
    check_deletable(folder)
    name = folder.record().name
    folder.delete()
    RunLog(folder.home).remove(folder.id)
    return f"{name} is deleted"


def export(folder: RunFolder, to: Path) -> str:
    """Write network, masks, clusters, predictions and metrics of a run as plain files.

    Raises:
        InputError: the sentence of `prusc export`.
    """
    import orjson

    written: dict[str, Any] = orjson.loads(_prusc(folder.home, "export", folder.id, f"--to={to}", "--json"))
    return f"{folder.record().name}: {len(written['files'])} files in {to}"


def _prusc(home: Home, *words: str) -> str:
    """Run a command in a process of its own, so that torch never comes into this one; return what it prints."""
    process = subprocess.run(
        [sys.executable, "-m", "prusc_tui", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PRUSC_HOME": str(home.root)},
        start_new_session=True,  # a hang-up of this terminal does not reach it
        check=False,
    )
    if process.returncode:
        said = [line for line in process.stderr.splitlines() if line.strip()] or [f"prusc {words[0]} failed"]
        raise InputError(said[-1].removeprefix("error: "))
    return process.stdout
