"""Actions on runs, shared by the command line and the screen; most return their outcome as a sentence."""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.feed.progress import ProgressReader
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE, RunRecord
from core.runs.text import as_file_name, safe_text
from experiments import subprocesses
from experiments.launchers import asked, launcher, launcher_of
from experiments.resources import ANY, Resources

if TYPE_CHECKING:
    from experiments.order import Order

LOOK_EVERY = 0.1
"""Seconds between checks of a run that was asked to stop."""


def start(home: Home, order: "Order", version: str = "") -> RunFolder:
    """Plan a run, check that it can run, record it and have its launcher start it; imports torch.

    The home is created if missing, once everything fits; `version` is that of the program. Raises InputError if the
    order does not fit, or the run cannot be started; nothing is left behind.
    """
    from experiments.launch import check, create_run
    from experiments.loggers import chosen
    from experiments.order import plan

    host, log = launcher(order.launcher), chosen(order.log)
    planned, fork = plan(home, order)
    more = asked(host, order.resources)
    host.check(order.device, **more)
    check(planned.config, fork)
    home = Home.open(home.root)
    folder = create_run(
        home,
        planned,
        name=order.name,
        tags=order.tags,
        fork=fork,
        loggers=log,
        version=version,
        resources=order.resources,
    )
    try:
        host.start(folder, device=order.device, fresh=order.fresh, **more)
    except Exception:
        _remove(folder)
        raise
    return folder


def start_outside(home: Home, order: "Order", version: str = "") -> RunFolder:
    """Have another process start a run, which keeps torch out of this one, unless the run belongs in this one."""
    import orjson

    if not launcher(order.launcher).outlives:
        return start(home, order, version)
    _, *words = order.words()
    return RunFolder.open(home, orjson.loads(_prusc(home, *words, "--json"))["id"])


def now(folder: RunFolder) -> RunRecord:
    """The run as its launcher sees it now; as its folder says if that launcher is not installed here."""
    record = folder.record()
    with suppress(InputError):
        return launcher_of(record).state(folder)
    return folder.settled()


def log_path(folder: RunFolder) -> Path:
    """Where the console output of a run goes; its folder if its launcher is not installed here."""
    with suppress(InputError):
        return launcher_of(folder.record()).log_path(folder)
    return folder.log


def stop(folder: RunFolder) -> RunRecord:
    """Ask a run to stop at its next step, with a checkpoint, and return it as it was when it was asked.

    Raises InputError if it is not running.
    """
    record = now(folder)
    if record.status not in ACTIVE:
        raise InputError(f"run '{record.name}' is {record.status}, not running")
    if not record.in_hand:
        raise InputError(f"run '{record.name}' is queued; there is nothing to stop yet")
    launcher_of(record).stop(folder)
    return record


def ended(folder: RunFolder, patience: float) -> RunRecord | None:
    """Wait at most `patience` seconds for a run to stop; return it as it ended, None if it has not answered."""
    until = time.monotonic() + patience
    while True:
        record = now(folder)
        if record.status not in ACTIVE:
            return record
        if time.monotonic() >= until:
            return None
        time.sleep(LOOK_EVERY)


def how_it_ended(folder: RunFolder, record: RunRecord) -> str:
    """How a run that is no longer active ended, as a sentence."""
    match record.status:
        case "stopped":
            return f"{record.name} stopped {_where(folder, record)}"
        case "finished":
            return f"{record.name} finished before it could stop"
        case "failed":
            return f"{record.name} failed: {record.reason}"
    return f"{record.name} is {record.status}: its process is gone; it can be resumed"


def _where(folder: RunFolder, record: RunRecord) -> str:
    stage = record.unfinished
    if stage is None:
        return "at its end"
    if not folder.has_checkpoint(stage):
        return f"at the start of {stage}; the stages before it are kept"
    at = ProgressReader(folder.events).look()
    step = f"step {at.step:,} of {at.total:,} of " if at.stage == stage and at.total > 1 else ""
    return f"at {step}{stage}, checkpoint kept"


def kill(folder: RunFolder) -> str:
    """End a run that does not answer; it is then lost, and can be resumed.

    Raises InputError if no process runs it, or it is out of reach.
    """
    record = now(folder)
    launcher_of(record).kill(folder)
    status = now(folder).status
    return f"{record.name} is {status}: its process was killed; resume continues from the last checkpoint"


def check_resumable(folder: RunFolder) -> RunRecord:
    """Return the run as it is; raises InputError if it is finished or active."""
    record = now(folder)
    if record.status == "finished" or record.in_hand:
        raise InputError(f"run '{record.name}' is {record.status}; there is nothing to resume")
    return record


def resume(
    folder: RunFolder,
    by: str = "local",
    *,
    device: str = "auto",
    fresh: bool = False,
    auto_batch: bool = False,
    resources: Resources = ANY,
    log: Sequence[str] = (),
) -> None:
    """Resume a run that was stopped, failed or lost, by any launcher; imports torch.

    With `fresh`, every stage is computed; with `auto_batch`, batches that do not fit into memory are split from now on;
    `log` adds loggers to those of the run. Without `resources`, the same launcher gets what the run asked for before.
    Raises InputError if there is nothing to resume, or it cannot start.
    """
    from experiments.earlier import renew
    from experiments.launch import change_settings
    from experiments.loggers import chosen

    record = check_resumable(folder)
    loggers = {**record.loggers, **chosen(log)}
    host = launcher(by)
    if not resources.asked and record.launcher == by:
        resources = Resources.from_json(dict(record.resources))
    more = asked(host, resources)
    host.check(device, **more)
    renew(folder)
    if auto_batch:
        change_settings(folder, {"compute.auto_batch": True})
    folder.update(resources=resources.to_json(), loggers=loggers)
    host.start(folder, device=device, fresh=fresh, **more)


def resume_outside(folder: RunFolder) -> str:
    """Have another process resume a run, with the launcher that started it, or detached if that was local.

    Raises InputError with the message of `prusc resume`.
    """
    from experiments.order import launcher_option

    record = check_resumable(folder)
    host = launcher_of(record)
    stage = record.unfinished
    _prusc(folder.home, "resume", folder.id, *launcher_option(host.name if host.outlives else "detached"))
    if stage is None:
        return f"{record.name} resumes"
    kept = folder.has_checkpoint(stage)
    return f"{record.name} resumes {'from the last checkpoint of' if kept else 'at the start of'} {stage}"


def rename(folder: RunFolder, name: str) -> str:
    """Rename a run; raises InputError if the name is taken or not allowed."""
    before = folder.record().name
    return f"{before} is now {RunLog(folder.home).rename(folder, name).name}"


def read_tags(text: str) -> tuple[str, ...]:
    """Read tags from a line of words, with or without commas; each is kept once."""
    for word in (words := text.replace(",", " ").split()):
        if safe_text(word) != word:
            raise InputError(f"a tag cannot be '{safe_text(word)}'; use letters, digits and signs")
    return tuple(dict.fromkeys(words))


def tag(folder: RunFolder, tags: Iterable[str]) -> str:
    """Replace the tags of a run."""
    record = folder.update(tags=tuple(tags))
    RunLog(folder.home).put(record)
    return f"{record.name}: {' '.join(record.tags) or 'no tags'}"


def note(folder: RunFolder, text: str) -> str:
    """Set the note of a run; an empty text removes it."""
    record = folder.update(note=text.strip())
    RunLog(folder.home).put(record)
    return f"{record.name}: note {'saved' if record.note else 'removed'}"


def check_deletable(folder: RunFolder) -> RunRecord:
    """Return the run as it is; raises InputError if it is active."""
    record = now(folder)
    if record.in_hand:
        raise InputError(f"run '{record.name}' is {record.status}; stop it first: prusc stop {record.id}")
    return record


def delete(folder: RunFolder) -> str:
    """Delete a run with all its files; raises InputError if it is active."""
    record = check_deletable(folder)
    _remove(folder)
    return f"{record.name} deleted"


def export(folder: RunFolder, to: Path) -> str:
    """Write network, masks, pseudo-groups, predictions and metrics of a run as plain files."""
    import orjson

    written: dict[str, Any] = orjson.loads(_prusc(folder.home, "export", folder.id, f"--to={to}", "--json"))
    return f"{folder.record().name}: {len(written['files'])} files in {to}"


def export_groups(folder: RunFolder, file: Path) -> str:
    """Write the table of the pseudo-groups of a run, and say how it is given back; imports neither torch nor pandas."""
    import orjson

    written: dict[str, Any] = orjson.loads(_prusc(folder.home, "export", folder.id, f"--groups={file}", "--json"))
    return f"pseudo-groups in {file}. Correct them, then: {written['again']}"


def look_at(folder: RunFolder, kind: str, title: str, by: str, n: int) -> None:
    """Have the first `n` images of a group or cell, and the maps of the networks, stored among the views of a run.

    Another process computes them on the CPU with low priority, even if this one ends. Raises InputError.
    """
    words = (f"--{kind}={title}", f"--by={by}", f"--limit={n}", "--device=cpu", "--json")
    subprocesses.run("prusc_tui", "look", folder.id, *words, home=folder.home, nice=True)


def count_cells(folder: RunFolder) -> None:
    """Have another process count what the networks of a run get right in every cell, and store it.

    Raises InputError, also if the run has no pseudo-groups of the images.
    """
    import orjson

    words = ("look", folder.id, "--list", "--json")
    if orjson.loads(subprocesses.run("prusc_tui", *words, home=folder.home, nice=True))["cells"] is None:
        raise InputError("this run has no pseudo-groups of validation images")


def file_name(record: RunRecord) -> str:
    """Name of a run as the name of a file."""
    return as_file_name(record.name) or record.id


def _prusc(home: Home, *words: str) -> str:
    return subprocesses.run("prusc_tui", *words, home=home)


def _remove(folder: RunFolder) -> None:
    folder.delete()
    RunLog(folder.home).remove(folder.id)
