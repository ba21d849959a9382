"""Finished artifacts: sealed with the events that describe them, and shared between runs by hard links."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.events import Evaluated, Event, MasksKept, Restarts, Selected, Sparsity, Warned, decode, encode
from core.runs.disk import sync, sync_below
from core.runs.folder import RunFolder
from core.runs.log import RunLog

SEAL = "stage.json"
RESTARTS = ("n", "weights", "restarts", "average", "worst")
"""Fields of `core.events.Restarts` that are kept in the record."""


@dataclass(frozen=True)
class Sealed:
    """Description of finished artifacts.

    Attributes:
        key: of the stage.
        seconds: work time.
        events: the lasting events of the stage.
    """

    key: str
    seconds: float
    events: tuple[Event, ...]

    @property
    def keep_ratio(self) -> float | None:
        """Share of maskable weights that are kept; None without masks."""
        return next((event.keep_ratio for event in self.events if isinstance(event, Sparsity | MasksKept)), None)

    @property
    def record(self) -> dict[str, Any]:
        """The results as fields of `StageRecord`."""
        final = [event for event in self.events if isinstance(event, Evaluated)]
        selected = next((event for event in self.events if isinstance(event, Selected)), None)
        restarts = [event for event in self.events if isinstance(event, Restarts)]
        return {
            "key": self.key,
            "seconds": self.seconds,
            "keep_ratio": self.keep_ratio,
            "evaluations": {event.split: event.evaluation.to_json() for event in final},
            "selection": selected and {"rule": selected.rule, "step": selected.step, "picks": selected.picks},
            "restarts": {event.split: {name: getattr(event, name) for name in RESTARTS} for event in restarts},
            "harm": tuple(event.code for event in self.events if isinstance(event, Warned) and event.serious),
        }


def seal(directory: Path, final: Path, sealed: Sealed) -> None:
    """Write the seal into `directory`, then move the folder to its final place atomically.

    Everything is on the disk first, so that sealed artifacts are complete even after a power failure.
    """
    value = {
        "key": sealed.key,
        "seconds": sealed.seconds,
        "events": [orjson.loads(encode(event, 0.0)) for event in sealed.events],
    }
    (directory / SEAL).write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))
    sync_below(directory)
    shutil.rmtree(final, ignore_errors=True)
    directory.rename(final)
    sync(final.parent)


def read_seal(directory: Path) -> Sealed | None:
    """Read the seal of finished artifacts; None if it is missing or damaged."""
    try:
        value: Mapping[str, Any] = orjson.loads((directory / SEAL).read_bytes())
        events = [stamped.event for e in value["events"] if (stamped := decode(orjson.dumps(e)))]
        # In version 0.1, only the seal says that fine-tuning keeps the masks.
        if (ratio := value.get("keep_ratio")) is not None and not any(isinstance(e, Sparsity) for e in events):
            events.append(MasksKept(directory.name, ratio))
        return Sealed(value["key"], value["seconds"], tuple(events))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find(log: RunLog, folder: RunFolder, stage: str, key: str) -> str | None:
    """Id of another run whose finished artifacts of `stage` have this key, or None."""
    for run in log.find_stage(stage, key):
        if run != folder.id:
            sealed = read_seal(RunFolder(folder.home, run).artifacts(stage))
            if sealed is not None and sealed.key == key:
                return run
    return None


def link(source: Path, target: Path) -> bool:
    """Add finished artifacts to another run: as hard links if the file system has them, else as copies.

    Deleting one run therefore never breaks another.

    Returns:
        False if the source no longer exists, for example because its run was deleted; the target is then unchanged.
    """
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(source, partial, copy_function=link_or_copy)
    except (FileNotFoundError, shutil.Error):
        shutil.rmtree(partial, ignore_errors=True)
        return False
    sync_below(partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return True


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Give a file a second place, as a hard link if the file system has them, else as a copy."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)
