"""The files of a run: paths, sizes, descriptions, and which runs share them."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from core.runs.folder import RunFolder
from core.runs.record import RunRecord

OF_THE_RUN: Mapping[str, str] = {
    r"stage\.json": "key, time, results",
    r"(.+)\.pt": "checkpoint to resume from",
    r"map-(.+)\.json": "map of the representation by {1}",
    r"run\.json": "settings, stages, results",
    r"events\.jsonl": "events of the run",
    r"console\.log": "output of its process",
    r"heartbeat": "touched while the run is alive",
    r"writer(\.lock)?": "which process writes the run",
    r"run\.lock": "guards the record",
    r"stop": "asks the run to stop",
}
"""Files that the engine writes: regular expression of the name → description; stages declare their own."""


class File(NamedTuple):
    """One file: name within its stage, bytes, whether another run shares them, description, and a note on sharing."""

    path: Path
    name: str
    size: int
    linked: bool
    what: str
    shared: str


class StageFiles(NamedTuple):
    """The files of a stage or of the run itself: heading, note, files by name."""

    title: str
    note: str
    files: tuple[File, ...]


def described(name: str, files: Mapping[str, str]) -> str:
    """Description of a file, given those that its stage declares; empty if unknown."""
    for pattern, words in {**files, **OF_THE_RUN}.items():
        if match := re.fullmatch(pattern, name):
            return words.format(match.group(), *match.groups())
    return ""


def _declared(recipe: str) -> dict[str, Mapping[str, str]]:
    """Stage → its declared files; empty for a recipe that is not installed."""
    from core.config import config_model
    from experiments.recipes import RECIPES

    stages = RECIPES[recipe].stages(config_model()()) if recipe in RECIPES else ()
    return {stage.name: stage.files for stage in stages}


def survey(folder: RunFolder, record: RunRecord) -> tuple[StageFiles, ...]:
    """List the files of a run: stages in order, other folders, then the run itself.

    Raises:
        OSError: the folder cannot be read; files that vanish meanwhile are omitted.
    """
    os.stat(folder.path)  # noqa: PTH116
    order = [stage.name for stage in record.stages]
    reused = {stage.name: stage.reused for stage in record.stages if stage.reused}
    groups: dict[str, list[tuple[str, Path, os.stat_result]]] = {name: [] for name in order}
    for path, status in _walk(folder.path):
        parts = path.relative_to(folder.path).parts
        if len(parts) > 2 and parts[0] == "artifacts":
            place, name = parts[1], "/".join(parts[2:])
        elif len(parts) == 2 and parts[0] == "checkpoints" and path.stem in order:
            place, name = path.stem, "/".join(parts)
        elif len(parts) > 1:
            place, name = parts[0], "/".join(parts[1:])
        else:
            place, name = "", parts[0]
        groups.setdefault(place, []).append((name, path, status))
    declared = _declared(record.recipe)

    def room(place: str) -> StageFiles:
        source = reused.get(place)
        linked = next(((path, status) for _, path, status in groups[place] if status.st_nlink > 1), None)
        shared = f"shared with {_names(_sharing(folder, *linked) if linked else [], source)}"
        files = []
        for name, path, status in sorted(groups[place]):
            is_linked = status.st_nlink > 1
            note = shared if is_linked else f"copied from {source}" if source else ""
            what = described(path.name, declared.get(place, {}))
            files.append(File(path, name, status.st_size, is_linked, what, note))
        note = f"reused from {source}" if source else shared if linked else ""
        return StageFiles(place or "run", note, tuple(files))

    places = [place for place in order if groups[place]]
    places += sorted((place for place in groups if place not in order), key=lambda place: (not place, place))
    return tuple(map(room, places))


def _walk(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All files below a folder; links are not followed."""
    for root, _, names in os.walk(path):
        for name in names:
            file = Path(root, name)
            # Files may vanish meanwhile: checkpoints are replaced.
            with suppress(FileNotFoundError):
                status = file.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield file, status


def _sharing(folder: RunFolder, path: Path, status: os.stat_result) -> list[str]:
    """Ids of the other runs with the same file in the same place."""
    found = []
    within = path.relative_to(folder.path)
    with suppress(OSError):
        for other in sorted(os.listdir(folder.home.runs)):  # noqa: PTH208
            if other == folder.id or other.startswith("."):
                continue
            with suppress(OSError):
                theirs = os.stat(folder.home.runs / other / within)  # noqa: PTH116
                if (theirs.st_ino, theirs.st_dev) == (status.st_ino, status.st_dev):
                    found.append(other)
    return found


def _names(others: list[str], source: str | None) -> str:
    """The runs in words, the source first."""
    ordered = sorted(others, key=lambda id: (id != source, id))
    if not ordered:
        return source or "a run elsewhere"
    more = f" and {len(ordered) - 1} more" if len(ordered) > 1 else ""
    return f"{ordered[0]}{more}"
