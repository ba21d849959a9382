"""Finished artifacts: sealed with the events that describe them, and shared between runs by hard links."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.events import Evaluated, Event, MasksKept, Restarts, Selected, Sparsity, decode, encode
from core.runs.folder import RunFolder
from core.runs.log import RunLog

SEAL = "stage.json"
RESTARTS = ("n", "weights", "restarts", "average", "worst")
"""Fields of `core.events.Restarts` that a record keeps."""


@dataclass(frozen=True)
class Sealed:
    """What is known of finished artifacts.

    Attributes:
        key: of the stage that made them.
        seconds: of work.
        events: the lasting events that describe them.
    """

    key: str
    seconds: float
    events: tuple[Event, ...]

    @property
    def keep_ratio(self) -> float | None:
        """Share of maskable weights that the network keeps; None where nothing is masked."""
        return next((event.keep_ratio for event in self.events if isinstance(event, Sparsity | MasksKept)), None)

    @property
    def record(self) -> dict[str, Any]:
        """The results as `StageRecord` keeps them."""
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
        }


def seal(directory: Path, final: Path, sealed: Sealed) -> None:
    """Write the seal into `directory` and move it to its final place, in one step."""
    value = {
        "key": sealed.key,
        "seconds": sealed.seconds,
        "events": [orjson.loads(encode(event, 0.0)) for event in sealed.events],
    }
    with (directory / SEAL).open("wb") as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    shutil.rmtree(final, ignore_errors=True)
    directory.rename(final)


def read_seal(directory: Path) -> Sealed | None:
    """Read the seal of finished artifacts; None if there are none or the seal is damaged."""
    try:
        value: Mapping[str, Any] = orjson.loads((directory / SEAL).read_bytes())
        events = [stamped.event for e in value["events"] if (stamped := decode(orjson.dumps(e)))]
        # Version 0.1 said in the seal alone that fine-tuning keeps the masks.
        if (ratio := value.get("keep_ratio")) is not None and not any(isinstance(e, Sparsity) for e in events):
            events.append(MasksKept(directory.name, ratio))
        return Sealed(value["key"], value["seconds"], tuple(events))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find(log: RunLog, folder: RunFolder, stage: str, key: str) -> str | None:
    """Id of another run whose finished artifacts of `stage` have this key; None where there is none."""
    for run in log.find_stage(stage, key):
        if run != folder.id:
            sealed = read_seal(RunFolder(folder.home, run).artifacts(stage))
            if sealed is not None and sealed.key == key:
                return run
    return None


def link(source: Path, target: Path) -> bool:
    """Take finished artifacts into another run: hard links where the file system has them, copies where not.

    A run owns its folder whole, so deleting one run never breaks another.

    Returns:
        False where the source is gone, as when its run was deleted meanwhile; nothing is left at the target then.
    """
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(source, partial, copy_function=_link_or_copy)
    except (FileNotFoundError, shutil.Error):
        shutil.rmtree(partial, ignore_errors=True)
        return False
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return True


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)
