"""The tables of a run as data frames: pseudo-groups, environments, predictions, and every number of its stream."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from safetensors.numpy import load_file

from core.artifacts import predictions_file
from core.config import DataSettings
from core.data.dataset import DataSet
from core.data.settings import Photos
from core.data.splits import HELD_OUT, SPLITS
from core.data.table import read_table
from core.events import Evaluated, Scalars, Sparsity, Stamped
from core.runs.folder import RunFolder
from core.runs.stream import EventReader
from core.runs.text import safe_cell
from experiments.pseudo_groups import found_in, read_groups

Paths = Mapping[str, Mapping[str, Sequence[str]]]


def tables_of(folder: RunFolder, source: Path, dataset: DataSet, settings: DataSettings) -> dict[str, pd.DataFrame]:
    """Name → table, of those that a run has; `source` has the artifacts of the stage whose predictions are meant."""
    paths = _paths(settings)
    tables = {
        "groups": _groups(folder, dataset, paths),
        "environments": _environments(folder, dataset, paths),
        "predictions": _predictions(source, dataset, paths),
        "metrics": metrics(folder),
    }
    return {name: table for name, table in tables.items() if table is not None}


def groups_of(folder: RunFolder, dataset: DataSet, settings: DataSettings) -> pd.DataFrame | None:
    """The table of the pseudo-groups alone; None if the run has none yet."""
    return _groups(folder, dataset, _paths(settings))


def for_csv(table: pd.DataFrame) -> pd.DataFrame:
    """The table with safe texts, none of which is a formula; `--groups` reads each as what it was."""
    texts = {str(name): column.map(safe_cell) for name, column in table.items() if not is_numeric_dtype(column)}
    return table.assign(**texts).rename(columns=safe_cell)


def metrics(folder: RunFolder) -> pd.DataFrame:
    """Every number of the stream of a run, one a row, in the order of the stream."""
    names = ("time", "stage", "step", "epoch", "split", "name", "value")
    columns: tuple[list[Any], ...] = tuple([] for _ in names)
    for chunk in EventReader(folder.events).chunks():
        for column, values in zip(columns, zip(*_metrics(chunk), strict=True), strict=False):
            column.extend(values)
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def _paths(settings: DataSettings) -> Paths:
    """Split → the column `path` of its images; no column if images have no files of their own."""
    if not isinstance(settings, Photos):
        return {split: {} for split in SPLITS}
    table = read_table(settings)
    where = {split: np.flatnonzero(table.splits == number) for number, split in enumerate(SPLITS)}
    return {split: {"path": [table.paths[row] for row in rows]} for split, rows in where.items()}


def _groups(folder: RunFolder, dataset: DataSet, paths: Paths) -> pd.DataFrame | None:
    """Every training and validation image: split, index, path, label, pseudo-group, and what is known of it."""
    labels = dataset.splits["train"].labels
    found = read_groups(folder, labels)
    if found is None:
        return None
    drawn = folder.artifacts("balance") / "balanced.safetensors"
    times = np.bincount(load_file(drawn)["indices"], minlength=len(labels)) if drawn.exists() else 0
    names, classes = np.array([*found.names, ""]), np.array(dataset.label_names)  # −1, left out, is the last one
    train = {
        "split": "train",
        "index": np.arange(len(labels)),
        **paths["train"],
        "label": classes[labels],
        "group": names[found.train],
        "conflict": found.conflicts.astype(np.int64),
        "in_balanced_set": times,
    }
    if (file := predictions_file(found_in(folder), "train")).exists():
        seen = load_file(file)
        train |= {"predicted": classes[seen["classes"]], "confidence": seen["probabilities"].round(4)}
    tables = [pd.DataFrame(train)]
    if found.validation is not None:
        held_out = dataset.splits["validation"].labels
        rows = {"split": "validation", "index": np.arange(len(held_out)), **paths["validation"]}
        tables.append(pd.DataFrame({**rows, "label": classes[held_out], "group": names[found.validation]}))
    table = pd.concat(tables, ignore_index=True)
    whole = {name: "Int64" for name in ("conflict", "in_balanced_set") if name in table}
    return table.astype(whole)


def _training_images(dataset: DataSet, paths: Paths) -> dict[str, Any]:
    labels = dataset.splits["train"].labels
    return {"index": np.arange(len(labels)), **paths["train"], "label": np.array(dataset.label_names)[labels]}


def _environments(folder: RunFolder, dataset: DataSet, paths: Paths) -> pd.DataFrame | None:
    """Every training image: index, path, label, and a column per environment, 1 if the image is in it, else 0."""
    file = folder.artifacts("environments") / "environments.safetensors"
    if not file.exists():
        return None
    columns = _training_images(dataset, paths)
    found = load_file(file)
    for key in sorted(found, key=lambda key: int(key.partition("/")[0])):
        columns[key.partition("/")[2]] = np.isin(columns["index"], found[key]).astype(np.int64)
    return pd.DataFrame(columns)


def _predictions(source: Path, dataset: DataSet, paths: Paths) -> pd.DataFrame:
    """Every image of validation and test: label, attributes, predicted class and its probability."""
    names = np.array(dataset.label_names)
    parts = []
    for split in HELD_OUT:
        arrays, stored = dataset.splits[split], load_file(source / f"predictions-{split}.safetensors")
        columns = {"split": split, "index": np.arange(len(arrays)), **paths[split], "label": names[arrays.labels]}
        for column, (attribute, values) in enumerate(dataset.attributes.items()):
            columns[attribute] = np.array(values)[arrays.attributes[:, column]]
        columns |= {"prediction": names[stored["classes"]], "probability": stored["probabilities"]}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _metrics(chunk: Iterable[Stamped]) -> Iterable[tuple[float, str, int, float | None, str | None, str, float | None]]:
    """Every number of some events as (time, stage, step, epoch, split, name, value)."""
    for stamped in chunk:
        event = stamped.event
        match event:
            case Scalars():
                for name, value in event.values.items():
                    yield stamped.t, event.stage, event.step, event.epoch, None, name, value
            case Sparsity():
                yield stamped.t, event.stage, event.step, None, None, "keep_ratio", event.keep_ratio
            case Evaluated():
                found = event.evaluation
                for name, value in (("average", found.average), ("worst_group", found.worst_group.accuracy)):
                    yield stamped.t, event.stage, event.step, None, event.split, name, value
                for group in found.groups:
                    share = group.accuracy if group.n else None
                    yield stamped.t, event.stage, event.step, None, event.split, group.title, share
