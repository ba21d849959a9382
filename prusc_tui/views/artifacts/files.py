"""The files of a run: where they are, how large, what each is, and with whom they are shared."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from core.runs.folder import RunFolder
from core.runs.record import RunRecord

KNOWN: tuple[tuple[str, str], ...] = (
    (r"stage\.json", "key, time, evaluations"),
    (r"model\.safetensors", "network that is handed on"),
    (r"epoch-(?P<n>[\d.]+)\.safetensors", "network after epoch {n}"),
    (r"masks\.safetensors", "weights kept, by layer"),
    (r"features-(?P<n>[\d.]+)\.safetensors", "features after epoch {n}"),
    (r"clusters\.safetensors", "cluster of each sample"),
    (r"balanced\.safetensors", "indices of the balanced set"),
    (r"environments\.safetensors", "training images of each environment"),
    (r"map-pca\.json", "map of features by PCA"),
    (r"map-tsne\.json", "map of features by t-SNE"),
    (r"samples\.png", "sheet of images by cluster"),
    (r"samples\.json", "what is where on the sheet"),
    (r"predictions-(?P<n>.+)\.safetensors", "classes and probabilities, {n} split"),
    (r".+\.pt", "for going on after a stop"),
    (r"run\.json", "settings, stages, results"),
    (r"events\.jsonl", "what the run said"),
    (r"console\.log", "what its process printed"),
    (r"heartbeat", "touched while the run lives"),
    (r"writer(\.lock)?", "which process writes the run"),
    (r"run\.lock", "guards the record"),
    (r"stop", "asks the run to stop"),
)
"""Name of a file, as a pattern → what it is."""


class File(NamedTuple):
    """One file.

    Attributes:
        path: where it is.
        name: as it is shown, below its stage.
        size: bytes.
        linked: whether its bytes are also in the folder of another run.
        what: what it is; empty where that is not known.
        shared: whom it comes from or is shared with; empty where nobody.
    """

    path: Path
    name: str
    size: int
    linked: bool
    what: str
    shared: str


class Room(NamedTuple):
    """The files of one stage, or those of the run itself: heading, a note beside it, files by name."""

    title: str
    note: str
    files: tuple[File, ...]


def size_of(count: int) -> str:
    """Bytes as `812 B`, `24.0 kB`, `1.2 MB`; powers of 1000."""
    if count < 1000:
        return f"{count} B"
    size, units = float(count), iter(("kB", "MB", "GB", "TB"))
    unit = "B"
    # What would round to 1000.0 is shown in the next unit.
    while size >= 999.95 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.1f} {unit}"


def described(name: str) -> str:
    """What a file of this name is; empty where it is not known."""
    for pattern, words in KNOWN:
        if match := re.fullmatch(pattern, name):
            return words.format(**match.groupdict())
    return ""


def survey(folder: RunFolder, record: RunRecord) -> tuple[Room, ...]:
    """Look through the folder of a run: stages in their order, what else there is, the run itself last.

    Args:
        folder: where the run is.
        record: its stages, and where they took their artifacts from.

    Raises:
        OSError: the folder cannot be read; files and folders that go meanwhile are left out.
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
    rooms = []
    for place in sorted(
        groups, key=lambda place: (order.index(place) if place in order else len(order), not place, place)
    ):
        if not groups[place]:
            continue
        source = reused.get(place)
        linked = next(((p, s) for _, p, s in groups[place] if s.st_nlink > 1), None)
        others = _sharing(folder, *linked) if linked is not None else []
        with_whom = _names(others, source)
        files = []
        for name, path, status in sorted(groups[place]):
            is_linked = status.st_nlink > 1
            shared = f"shared with {with_whom}" if is_linked else f"copied from {source}" if source else ""
            files.append(File(path, name, status.st_size, is_linked, described(path.name), shared))
        note = f"reused from {source}" if source else f"shared with {with_whom}" if linked else ""
        rooms.append(Room(place or "run", note, tuple(files)))
    return tuple(rooms)


def _walk(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All files below a folder; links are not followed."""
    for root, _, names in os.walk(path):
        for name in names:
            file = Path(root, name)
            # A file may go while we look: checkpoints are replaced.
            with suppress(FileNotFoundError):
                status = file.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield file, status


def _sharing(folder: RunFolder, path: Path, status: os.stat_result) -> list[str]:
    """Ids of the other runs that have the very same file at the same place."""
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
    """The runs in words; the one that made the files first."""
    ordered = sorted(others, key=lambda id: (id != source, id))
    if not ordered:
        return source or "a run elsewhere"
    more = f" and {len(ordered) - 1} more" if len(ordered) > 1 else ""
    return f"{ordered[0]}{more}"
