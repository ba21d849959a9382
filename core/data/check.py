"""Check every row of a table and every image in it, and report all problems with their lines."""

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.columns import Column
from core.data.dataset import Integers
from core.data.decode import BrokenImageError, decode
from core.data.draft import Problem
from core.data.settings import Photos
from core.data.splits import SPLITS
from core.data.table import ImageTable, examine, unusable_paths
from core.data.watch import QUIET, Watch, in_parts
from core.groups import group_names

PART = 32
"""Images per task of a thread."""
SIDE = 32
"""Side of the square that an image is decoded to; all bytes of the file are read anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Result of checking a whole data set: how many rows it has, and how many images were decoded.

    `table` has the valid rows, None if they do not make a data set; the problems are sorted by kind, then by row.
    """

    root: Path
    file: str
    rows: int
    opened: int
    table: ImageTable | None
    problems: tuple[Problem, ...]


def check(settings: Photos, watch: Watch = QUIET) -> Report:
    """Read every row and open every image.

    Raises InputError if the folder, a file or a column is missing, and Stopped if `watch` requests it.
    """
    draft = settings.draft()
    table, problems = examine(draft)
    rows = np.setdiff1d(np.arange(len(draft.paths)), list(unusable_paths(draft.root, draft.paths.texts.tolist())))
    digests = np.zeros(len(draft.paths), dtype="S32")
    opened = done = 0
    parts = [slice(start, start + PART) for start in range(0, len(rows), PART)]
    amiss = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata; only decoding matters here
        for part, found in in_parts(parts, lambda part: [_look(draft.root / draft.paths.texts[i]) for i in rows[part]]):
            for row, (digest, kind, text) in zip(rows[part], found, strict=True):
                digests[row] = digest
                if kind:
                    amiss.append(Problem.at(draft.paths, row, kind, f"{draft.paths.texts[row]}: {text}"))
                else:
                    opened += 1
            done += len(found)
            watch.step("checking images", done, len(rows))
    problems = [*problems, *sorted(amiss, key=lambda problem: (problem.kind != "missing images", problem.line))]
    if table is not None:
        problems += _empty(table)
        splits = np.full(len(draft.paths), -1)  # of invalid rows
        splits[np.searchsorted(draft.paths.lines, table.lines)] = table.splits
        problems += _twice(draft.paths, digests, splits)
    return Report(draft.root, draft.paths.file, len(draft.paths), opened, table, tuple(problems))


def _look(path: Path) -> tuple[bytes, str, str]:
    """Digest of the content, and for a broken image the kind of problem and the reason."""
    try:
        if not path.is_file():
            return (
                (b"", "broken images", "is not a file") if path.exists() else (b"", "missing images", "does not exist")
            )
        data = path.read_bytes()
    except OSError as error:
        return b"", "broken images", f"cannot be read ({error.strerror})"
    digest = hashlib.blake2b(data, digest_size=16).hexdigest().encode()
    try:
        decode(data, SIDE, "whole")
    except BrokenImageError as error:
        return digest, "broken images", str(error)
    return digest, "", ""


def _empty(table: ImageTable) -> Iterator[Problem]:
    names = group_names(table.label_names, table.attribute_values)
    groups = table.groups()
    for number, split in enumerate(SPLITS):
        counts = np.bincount(groups[table.splits == number], minlength=len(names))
        for group in np.flatnonzero(counts == 0):
            yield Problem("empty groups", f"{split}: no image of {names[group]}")


def _twice(paths: Column, digests: "np.ndarray[tuple[int], np.dtype[np.bytes_]]", splits: Integers) -> list[Problem]:
    """Images with identical content, those in several splits first."""
    rows = np.flatnonzero((digests != b"") & (splits >= 0))
    _, first, which, counts = np.unique(digests[rows], return_index=True, return_inverse=True, return_counts=True)
    again = np.flatnonzero(counts[which] > 1)
    by_content: dict[int, list[int]] = {}
    for place in again:
        by_content.setdefault(int(first[which[place]]), []).append(int(rows[place]))
    across, within = [], []
    for same in by_content.values():
        others = ", ".join(f"{paths.unit} {paths.lines[row]:,} ({SPLITS[splits[row]]})" for row in same[1:])
        text = f"{paths.texts[same[0]]} ({SPLITS[splits[same[0]]]}) is also {others}"
        if len({int(splits[row]) for row in same}) > 1:
            across.append(Problem.at(paths, same[0], "images in several splits", text))
        else:
            within.append(Problem.at(paths, same[0], "images more than once in a split", text))
    return across + within
