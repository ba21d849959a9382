"""The table of a data set in a folder: image, label, attributes and split of each row (no image is opened)."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.data.columns import Column
from core.data.dataset import Integers, group_numbers
from core.data.draft import SPLIT_WORDS, Draft, DrawnSplits, Problem
from core.data.settings import Photos
from core.data.splits import SPLITS, SplitName
from core.errors import InputError, nearest

MOST_GROUPS = 2_048
"""With more groups than this, a numeric column has probably been taken for a categorical one."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageTable:
    """Rows of a data set, in the order of its file.

    If an attribute has as many values as there are labels, its value v is the one correlated with label v on the
    training rows.

    Attributes:
        file: the table, relative to `root`, the folder of the data set.
        paths: image of each row, relative to `root`, with `/` as separator.
        labels: int64 [n], index of the label.
        attributes: int64 [n, a], index of the value of each attribute.
        attribute_values: attribute → names of its values.
        splits: int8 [n]: 0 training, 1 validation, 2 test.
        lines: int64 [n], line of the row in its file, counted from 1 including the headings.
        unit: unit of `lines`: lines, or rows without headings for a file without lines (Parquet).
        published: split → group title → number of images, as published, and `published_sizes` without groups.
        notes: what was left out or not read literally.
    """

    root: Path
    file: str
    paths: tuple[str, ...]
    labels: Integers
    label_names: tuple[str, ...]
    attributes: Integers
    attribute_values: Mapping[str, tuple[str, ...]]
    splits: npt.NDArray[np.int8]
    lines: Integers
    unit: Literal["line", "row"]
    published: Mapping[SplitName, Mapping[str, int]]
    published_sizes: Mapping[SplitName, int]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def where(self, row: int) -> str:
        """Location of a row, such as `metadata.csv, line 3`; without a table, the path of its image."""
        return f"{self.file}, {self.unit} {self.lines[row]:,}" if self.file else self.paths[row]

    def groups(self) -> Integers:
        """Group index of every row, int64 [n], in the order of `core.groups.group_titles`."""
        return group_numbers(self.labels, self.attributes, self.attribute_values)


def read_table(settings: Photos) -> ImageTable:
    """Read the table of a data set; raises InputError if a file or a column is missing, or a row is invalid."""
    draft = settings.draft()
    table, problems = examine(draft)
    if table is None or problems:
        more = f" ({len(problems) - 1:,} more; all of them: prusc data check)" if len(problems) > 1 else ""
        first = problems[0]
        place = f"{draft.root}/" if first.line else f"{draft.root / draft.paths.file}: "
        raise InputError(f"{place}{first.sentence}{more}")
    return table


def examine(draft: Draft) -> tuple[ImageTable | None, list[Problem]]:
    """Make the table of the valid rows, None if they do not make a data set; and all problems, in row order."""
    away = unusable_paths(draft.root, draft.paths.texts.tolist())
    problems = [draft.problem(draft.paths, row, "paths that cannot be used", text) for row, text in away.items()]
    good = np.ones(len(draft.paths), dtype=np.bool_)
    good[list(away)] = False
    labels, label_names = draft.label.encode()
    found = {name: column.encode() for name, column in draft.attributes.items()}
    coded = [(draft.label, labels, "labels"), *((draft.attributes[k], c, "attributes") for k, (c, _) in found.items())]
    splits = np.zeros_like(labels)
    if not isinstance(draft.split, DrawnSplits):
        split = draft.split if draft.split.words else draft.split.with_words(SPLIT_WORDS)
        splits = split.encode()[0]
        coded.append((split, splits, "splits"))
    for column, codes, what in coded:
        problems += _unknown(draft, column, codes, what)
        good &= codes >= 0
    for row, text in _relabelled(draft, labels, label_names).items():
        problems.append(draft.problem(draft.paths, row, "images with two labels", text))
        good[row] = False
    problems.sort(key=lambda problem: problem.line)
    attributes = np.stack([codes for codes, _ in found.values()], axis=1) if found else np.empty((len(labels), 0), int)
    values = {name: names for name, (_, names) in found.items()}
    labels, attributes, splits, lines = labels[good], attributes[good], splits[good], draft.paths.lines[good]
    try:
        _check_columns(draft, label_names, values, len(labels))
        if isinstance(draft.split, DrawnSplits):
            splits = draft.split.draw(group_numbers(labels, attributes, values))
        elif draft.held_out is not None:
            train = np.flatnonzero(splits == 0)
            splits[train] = draft.held_out.draw(group_numbers(labels, attributes, values)[train])
        _check_filled(draft.split, labels, label_names, splits)
    except InputError as error:
        return None, [*problems, Problem("splits and labels that are not filled", str(error))]
    for number, (name, names) in enumerate(values.items()):
        if len(names) == len(label_names):
            order = goes_with(labels[splits == 0], attributes[splits == 0, number], len(names))
            values[name] = tuple(names[value] for value in order)
            attributes[:, number] = np.argsort(order)[attributes[:, number]]
    table = ImageTable(
        root=draft.root,
        file=draft.paths.file,
        paths=tuple(draft.paths.texts[good].tolist()),
        labels=labels,
        label_names=label_names,
        attributes=attributes,
        attribute_values=values,
        splits=splits.astype(np.int8),
        lines=lines,
        unit=draft.paths.unit,
        published=draft.published,
        published_sizes=draft.published_sizes,
        notes=notes_on(draft),
    )
    return table, problems


def refuse_missing(table: ImageTable) -> None:
    """Raise InputError for the first image that does not exist, with the number of others.

    Folders are listed, which is far cheaper than a look for each image.
    """
    listings: dict[str, frozenset[str]] = {}
    missing = []
    for row, path in enumerate(table.paths):
        folder, _, name = path.rpartition("/")
        if folder not in listings:
            try:
                listings[folder] = frozenset(os.listdir(table.root / folder))  # noqa: PTH208
            except OSError:
                listings[folder] = frozenset()
        if name not in listings[folder] and not (table.root / path).exists():  # disks may disregard case
            missing.append(row)
    if missing:
        more = f" ({len(missing) - 1:,} more; all of them: prusc data check)" if len(missing) > 1 else ""
        first = missing[0]
        raise InputError(
            f"{table.root}/{table.where(first)}: image '{table.paths[first]}' is missing; bring the file, or remove "
            f"the row{more}"
        )


def notes_on(draft: Draft) -> tuple[str, ...]:
    """What was left out or not read literally, one sentence each."""
    read = [note for column in draft.columns for note in column.notes]
    spelled = [note for column in draft.columns[1:] for note in column.spellings()]
    free = [column for column in (draft.label, *draft.attributes.values()) if column.words is None]
    cases = [note for column in free for note in column.cases()]
    return tuple(dict.fromkeys([*draft.notes, *read, *spelled, *cases]))


def unusable_paths(root: Path, paths: Sequence[str]) -> dict[int, str]:
    """Position → reason of the paths relative to `root` that are empty, absolute, go up, or are links outside.

    It lists their folders, but opens no image.
    """
    bad = {}
    for number, path in enumerate(paths):
        if not path:
            bad[number] = "the path is empty"
        elif path[0] in "/~":
            bad[number] = f"'{path}' is not relative to the folder of the data set"
        elif ".." in path and ".." in path.split("/"):
            bad[number] = f"'{path}' leaves the folder of the data set"
        elif "\0" in path:
            bad[number] = "the path has a null character"
        elif not path.isascii() and any("\ud800" <= character <= "\udfff" for character in path):
            bad[number] = "its name is not in UTF-8; rename the file"
    home = os.path.realpath(root)
    by_folder: dict[str, list[int]] = {}
    for number, path in enumerate(paths):
        if number not in bad:
            by_folder.setdefault(path.rpartition("/")[0], []).append(number)
    for folder, numbers in by_folder.items():
        there = os.path.realpath(root / folder)
        if not _inside(there, home):
            why = f"'{folder}' is a link to outside the folder of the data set"
            bad |= dict.fromkeys(numbers, why)
            continue
        links = _links_out(there, home)
        for number in numbers if links else ():
            if paths[number].rpartition("/")[2] in links:
                bad[number] = f"'{paths[number]}' is a link to outside the folder of the data set"
    return dict(sorted(bad.items()))


def _inside(path: str, home: str) -> bool:
    return path == home or path.startswith(home.rstrip(os.sep) + os.sep)


def _links_out(folder: str, home: str) -> set[str]:
    """Names of the links in a folder that lead outside `home`; listing is far cheaper than checking each path."""
    try:
        with os.scandir(folder) as entries:
            links = [entry.name for entry in entries if entry.is_symlink()]
    except OSError:
        return set()
    return {name for name in links if not _inside(os.path.realpath(os.path.join(folder, name)), home)}  # noqa: PTH118


def goes_with(labels: Integers, values: Integers, k: int) -> Integers:
    """Match the values of an attribute to the labels so that their mean share of the labels' rows is largest.

    Labels and values are int64 [n], below k. Returns the value of each label, int64 [k], a permutation; the identity
    unless another order is better.
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.bincount(labels * k + values, minlength=k * k).reshape(k, k)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    best: Integers = linear_sum_assignment(shares, maximize=True)[1].astype(np.int64)
    together, as_numbered = shares[np.arange(k), best].sum(), np.trace(shares)
    return best if together > as_numbered + 1e-9 else np.arange(k)


def _relabelled(draft: Draft, labels: Integers, label_names: Sequence[str]) -> dict[int, str]:
    """Row → conflict, for every row whose image has another label in an earlier row."""
    import pandas as pd

    images, _ = pd.factorize(draft.paths.texts)
    order = np.argsort(images, kind="stable")
    order = order[(labels[order] >= 0) & (draft.paths.texts[order] != "")]
    new = np.diff(images[order], prepend=-1) != 0
    firsts = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    differ = labels[order] != labels[firsts]
    return {
        row: f"'{draft.paths.texts[row]}' is '{label_names[labels[row]]}' here, but '{label_names[labels[first]]}' in "
        f"{draft.paths.unit} {draft.paths.lines[first]:,}; remove the wrong row"
        for row, first in zip(order[differ].tolist(), firsts[differ].tolist(), strict=True)
    }


def _unknown(draft: Draft, column: Column, codes: Integers, what: str) -> list[Problem]:
    """One problem for every cell without a code: it is empty or not among the words."""
    known = ", ".join(dict.fromkeys(column.words.values())) if column.words else ""
    sentences: dict[str, str] = {}
    problems = []
    for row in np.flatnonzero(codes < 0).tolist():
        text = column.texts[row].strip()
        if text not in sentences:  # the nearest word of each row of a large table would take minutes
            hint = nearest(text, list(column.words or ())) if text else ""
            way_out = f"{' Otherwise' if hint else ';'} {column.way_out}" if column.way_out else ""
            what_is = f"'{text}' is unknown{hint or f' (known: {known})'}" if text else "is empty"
            sentences[text] = f"{column.name} {what_is}{way_out}"
        problems.append(draft.problem(column, row, f"unknown {what}", sentences[text]))
    return problems


def _check_columns(
    draft: Draft, label_names: tuple[str, ...], values: Mapping[str, tuple[str, ...]], rows: int
) -> None:
    if not rows:
        raise InputError("no row has an image, a label and a split")
    if len(label_names) < 2:
        raise InputError(
            f"column '{draft.label.name}' has only one label, '{label_names[0]}'; at least two are needed, so name "
            "another column"
        )
    if prod((len(label_names), *map(len, values.values()))) > MOST_GROUPS:
        sizes = {draft.label.name: len(label_names), **{name: len(names) for name, names in values.items()}}
        name = max(sizes, key=lambda name: sizes[name])
        raise InputError(
            f"labels and attributes make more than {MOST_GROUPS:,} groups; column '{name}' alone has {sizes[name]:,} "
            "different values: is it categorical?"
        )


def _check_filled(
    split: Column | DrawnSplits, labels: Integers, label_names: tuple[str, ...], splits: Integers
) -> None:
    """Check that every split has images, and training has every label; random splits need every label in each."""
    counts = np.bincount(splits * len(label_names) + labels, minlength=3 * len(label_names)).reshape(3, -1)
    for name, row in zip(SPLITS, counts, strict=True):
        label = label_names[int(row.argmin())]
        if isinstance(split, DrawnSplits):
            if row.min() == 0:
                number = int((labels == row.argmin()).sum())
                raise InputError(
                    f"label '{label}' has {number} image{'s' * (number != 1)}, too few for data.fractions "
                    f"{', '.join(f'{share:g}' for share in split.fractions)}: none is left for {name}; "
                    "add some, or leave its rows out (data.ignored_labels, or --ignore of prusc data init)"
                )
        elif not row.sum():
            way_out = f": {split.way_out}" if split.way_out else ""
            raise InputError(f"no row is in the {name} split (column '{split.name}'); all three are needed{way_out}")
        elif row.min() == 0 and name == "train":
            raise InputError(
                f"label '{label}' has no image in the training split; add some, or leave its rows out "
                "(data.ignored_labels, or --ignore of prusc data init)"
            )
