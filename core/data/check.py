"""Check every row of a table and every image in it, and report all problems with their lines."""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.correlation import empty_groups, few_conflicts, given_away
from core.data.dataset import Integers
from core.data.decode import TRAITS, BrokenImageError, decode, traits
from core.data.draft import Draft, Problem
from core.data.settings import Photos
from core.data.similar import SIDE, Look, near_pairs
from core.data.splits import SPLITS
from core.data.table import ImageTable, examine, notes_on, unusable_paths
from core.data.watch import QUIET, Watch, in_parts

PART = 32
"""Images per task of a thread."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Result of checking a whole data set: how many rows it has, and how many images were decoded.

    `table` has the valid rows, None if they do not make a data set; the problems are sorted by kind, then by row. The
    notes say what is not read literally, and what may be hard but is not wrong.
    """

    root: Path
    file: str
    rows: int
    opened: int
    table: ImageTable | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """An image that was opened: digest of its content, its traits and its look; for a broken one, kind and reason."""

    digest: bytes = b""
    traits: tuple[str, ...] = ()
    look: Look | None = None
    kind: str = ""
    reason: str = ""


def check(settings: Photos, watch: Watch = QUIET, *, near: bool = False) -> Report:
    """Read every row and open every image; with `near`, find images of different splits that look alike as well.

    Raises InputError if the folder, a file or a column is missing, and Stopped if `watch` requests it.
    """
    draft = settings.draft()
    table, problems = examine(draft)
    rows = np.setdiff1d(np.arange(len(draft.paths)), list(unusable_paths(draft.root, draft.paths.texts.tolist())))
    seen: dict[int, _Seen] = {}
    parts = [slice(start, start + PART) for start in range(0, len(rows), PART)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata; only decoding matters here
        for part, found in in_parts(
            parts, lambda part: [_open(draft.root / draft.paths.texts[i], near) for i in rows[part]]
        ):
            seen |= dict(zip(rows[part].tolist(), found, strict=True))
            watch.step("checking images", len(seen), len(rows))
    broken = [
        Problem.at(draft.paths, row, each.kind, f"{draft.paths.texts[row]}: {each.reason}")
        for row, each in seen.items()
        if each.kind
    ]
    problems += sorted(broken, key=lambda problem: (problem.kind != "missing images", problem.line))
    notes = [Problem("notes on the table", note) for note in notes_on(draft)]
    if table is not None:
        problems += [*given_away(table), *empty_groups(table)]
        notes += few_conflicts(table)
        splits = np.full(len(draft.paths), -1)  # of invalid rows
        splits[np.searchsorted(draft.paths.lines, table.lines)] = table.splits
        problems += _twice(draft, seen, splits)
        if near:
            problems += _alike(draft, seen, splits)
    for trait, how in TRAITS.items():
        has = sorted(row for row, each in seen.items() if trait in each.traits)
        notes += [Problem.at(draft.paths, row, f"images with {trait} ({how})", draft.paths.texts[row]) for row in has]
    opened = sum(not each.kind for each in seen.values())
    return Report(draft.root, draft.paths.file, len(draft.paths), opened, table, tuple(problems), tuple(notes))


def _open(path: Path, near: bool) -> _Seen:
    """Read and decode an image; `near` asks for its look."""
    try:
        if not path.is_file():
            missing = not path.exists()
            return _Seen(kind="missing images", reason="does not exist") if missing else _broken(b"", "is not a file")
        data = path.read_bytes()
    except OSError as error:
        return _broken(b"", f"cannot be read ({error.strerror})")
    digest = hashlib.blake2b(data, digest_size=16).digest()
    try:
        pixels = decode(data, SIDE, "whole")
    except BrokenImageError as error:
        return _broken(digest, str(error))
    return _Seen(digest, traits(data), Look.of(pixels) if near else None)


def _broken(digest: bytes, reason: str) -> _Seen:
    return _Seen(digest, kind="broken images", reason=reason)


def _twice(draft: Draft, seen: Mapping[int, _Seen], splits: Integers) -> list[Problem]:
    """Images with identical content: those with several labels first, then those in several splits."""
    labels, names = draft.label.encode()
    by_content: dict[bytes, list[int]] = {}
    for row in sorted(seen):
        if seen[row].digest and splits[row] >= 0:
            by_content.setdefault(seen[row].digest, []).append(row)
    found: dict[str, list[Problem]] = {
        "images with several labels": [],
        "images in several splits": [],
        "images more than once in a split": [],
    }
    labelled, across, within = found
    for same in by_content.values():
        if len(same) == 1:
            continue
        differ = len({int(labels[row]) for row in same}) > 1
        kind = labelled if differ else across if len({int(splits[row]) for row in same}) > 1 else within
        about = [f"{SPLITS[splits[row]]}, {names[labels[row]]}" if differ else SPLITS[splits[row]] for row in same]
        others = ", ".join(f"{_place(draft, row)} ({what})" for row, what in zip(same[1:], about[1:], strict=True))
        way_out = "keep one row" if differ else "keep one"
        text = f"{draft.paths.texts[same[0]]} ({about[0]}) is also {others}; {way_out}"
        found[kind].append(Problem.at(draft.paths, same[0], kind, text))
    return [problem for problems in found.values() for problem in problems]


def _alike(draft: Draft, seen: Mapping[int, _Seen], splits: Integers) -> Iterator[Problem]:
    """Images of different splits that look alike but are not identical."""
    rows = [row for row in sorted(seen) if seen[row].look is not None and splits[row] >= 0]
    looks = [look for row in rows if (look := seen[row].look) is not None]
    for one, other in near_pairs(looks, splits[rows]):
        first, second = rows[one], rows[other]
        if seen[first].digest != seen[second].digest:
            line = f", {_place(draft, second)}" if draft.paths.file else ""
            text = (
                f"{draft.paths.texts[first]} ({SPLITS[splits[first]]}) looks like {draft.paths.texts[second]}{line} "
                f"({SPLITS[splits[second]]}); look at both, and keep one"
            )
            yield Problem.at(draft.paths, first, "near-duplicates in several splits", text)


def _place(draft: Draft, row: int) -> str:
    """Line of a row; without a table, the path of its image."""
    return f"{draft.paths.unit} {draft.paths.lines[row]:,}" if draft.paths.file else str(draft.paths.texts[row])
