"""Finished artifacts: sealed with what the stage said of them, and shared between runs by hard links."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.engine.stage import StageResult
from core.events import Event, decode, encode
from core.groups import Evaluation
from core.runs.folder import RunFolder
from core.runs.log import RunLog

SEAL = "stage.json"


@dataclass(frozen=True)
class Sealed:
    """What is known of finished artifacts: key, result, seconds of work, and the events that describe them."""

    key: str
    result: StageResult
    seconds: float
    events: tuple[Event, ...]


def seal(directory: Path, final: Path, key: str, result: StageResult, seconds: float, events: Sequence[Event]) -> None:
    """Write the seal into `directory` and move it to its final place, in one step."""
    value = {
        "key": key,
        "seconds": seconds,
        "keep_ratio": result.keep_ratio,
        "selection": result.selection,
        "restarts": dict(result.restarts),
        "evaluations": {split: e.to_json() for split, e in result.evaluations.items()},
        "events": [orjson.loads(encode(event, 0.0)) for event in events],
    }
    with (directory / SEAL).open("wb") as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    shutil.rmtree(final, ignore_errors=True)
    directory.rename(final)


def read_seal(directory: Path) -> Sealed | None:
    """Read the seal of finished artifacts; None where there are none or the seal is damaged."""
    try:
        value: Mapping[str, Any] = orjson.loads((directory / SEAL).read_bytes())
        evaluations = {split: Evaluation.from_json(split, e) for split, e in value["evaluations"].items()}
        events = tuple(stamped.event for e in value["events"] if (stamped := decode(orjson.dumps(e))))
        result = StageResult(evaluations, value["keep_ratio"], value["selection"], value.get("restarts", {}))
        return Sealed(value["key"], result, value["seconds"], events)
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
