"""A run as plain files for other programs: safetensors, CSV, JSON; on request a torch state dict and ONNX."""

import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
from pandas.api.types import is_numeric_dtype
from safetensors.numpy import load_file

from core.artifacts import MASKS, MODEL
from core.config import DataSettings
from core.data.dataset import DataSet
from core.data.load import glance
from core.data.settings import Photos
from core.data.splits import HELD_OUT, SPLITS
from core.data.table import read_table
from core.errors import InputError
from core.events import Evaluated, Scalars, Sparsity
from core.runs.folder import RunFolder
from core.runs.stream import EventReader
from core.runs.text import safe_cell
from experiments import bundled
from experiments.description import Description, describe, stage_with_network
from experiments.plan import config_of

Paths = Mapping[str, Mapping[str, Sequence[str]]]


def export_run(
    folder: RunFolder,
    to: Path,
    *,
    stage: str | None = None,
    parquet: bool = False,
    torch: bool = False,
    onnx: bool = False,
) -> list[Path]:
    """Write the network of a run and everything that describes it; return the files.

    Files: `model.safetensors` (state dict of the plain network, zeros where masked), `model.json` (how to build the
    network, its labels and the pixels that it takes), `masks.safetensors`, `small.safetensors` and `small.json` (the
    same network without the channels that masks of channels drop; dense), `groups.csv`, `environments.csv`,
    `predictions.csv`, `metrics.csv`, and on request `metrics.parquet`, `model.pt` (the state dict as torch saves it)
    and `model.onnx` and `small.onnx` (with the normalisation inside). Files that the run does not have are left out,
    existing files are replaced. The network is that of `stage`, by default the last that has one. Raises InputError
    without such a stage or anything to export yet, for a folder that cannot be written, or a missing package.
    """
    record = folder.record()
    config = config_of(record)
    source = folder.artifacts(stage_with_network(folder, stage))
    if parquet:
        _need_pyarrow()
    if onnx:
        from experiments.onnx import need_onnx, write_onnx

        need_onnx()
    dataset = glance(config.data, bundled.folder())
    about = describe(config, dataset, source.name)
    try:
        to.mkdir(parents=True, exist_ok=True)
        written = [_copy(source / MODEL, to)]
        values = {"run": record.id, "stage": source.name, **about.to_json()}
        (to / "model.json").write_bytes(orjson.dumps(values, option=orjson.OPT_INDENT_2))
        written.append(to / "model.json")
        if (source / MASKS).exists():
            written.append(_copy(source / MASKS, to))
        if torch:
            written.append(to / "model.pt")
            _write_state_dict(source / MODEL, to / "model.pt")
        if onnx:
            written.append(to / "model.onnx")
            write_onnx(source / MODEL, about, to / "model.onnx")
        if config.prune.structure == "channels" and (source / MASKS).exists():
            written += _small(source, about, values, to, onnx)
        written += _tables(folder, source, dataset, config.data, to, parquet)
    except OSError as error:
        raise InputError(f"--to {to}: cannot be written ({error.strerror})") from None
    return written


def export_groups(folder: RunFolder, file: Path) -> str:
    """Write the table of pseudo-groups alone, as in `groups.csv`, and return the command that takes it back.

    Raises InputError if the run has no pseudo-groups yet, or the file is already there: it may have been corrected.
    """
    record = folder.record()
    settings = config_of(record).data
    table = _groups(folder, glance(settings, bundled.folder()), _paths(settings))
    if table is None:
        raise InputError(f"run '{record.name}' has no pseudo-groups yet; it is {record.status}")
    if file.exists():
        raise InputError(f"--groups {file}: exists, perhaps with corrections; choose another name")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="") as opened:
            _for_csv(table).to_csv(opened, index=False)
    except OSError as error:
        raise InputError(f"--groups {file}: cannot be written ({error.strerror})") from None
    words = ["prusc", "run", "--from", f"{record.id}:{record.stages[0].name}", "--groups", str(file)]
    return shlex.join(words)


def _small(source: Path, about: Description, values: Mapping[str, Any], to: Path, onnx: bool) -> Iterable[Path]:
    """The network without the channels that its masks drop."""
    from core.pruning.channels import cut, kept_channels
    from core.tensors import load_tensors, save_tensors
    from experiments.onnx import network_of, write_onnx

    network = network_of(about)
    network.load_state_dict(load_tensors(source / MODEL))
    kept = kept_channels(network, load_tensors(source / MASKS))
    small = replace(about, kept={conv: max(1, int(rows.sum())) for conv, rows in kept.items()})
    save_tensors(to / "small.safetensors", cut(network, kept).state_dict())
    (to / "small.json").write_bytes(orjson.dumps({**values, **small.to_json()}, option=orjson.OPT_INDENT_2))
    yield to / "small.safetensors"
    yield to / "small.json"
    if onnx:
        write_onnx(to / "small.safetensors", small, to / "small.onnx")
        yield to / "small.onnx"


def _tables(
    folder: RunFolder, source: Path, dataset: DataSet, settings: DataSettings, to: Path, parquet: bool
) -> Iterable[Path]:
    paths = _paths(settings)
    tables = {
        "groups": _groups(folder, dataset, paths),
        "environments": _environments(folder, dataset, paths),
        "predictions": _predictions(source, dataset, paths),
    }
    numbers = metrics(folder)
    for name, table in {**tables, "metrics": numbers}.items():
        if table is not None:
            _for_csv(table).to_csv(to / f"{name}.csv", index=False)
            yield to / f"{name}.csv"
    if parquet:
        numbers.to_parquet(to / "metrics.parquet", index=False)
        yield to / "metrics.parquet"


def _for_csv(table: pd.DataFrame) -> pd.DataFrame:
    """The table with safe texts, none of which is a formula; `--groups` reads each as what it was."""
    texts = {str(name): column.map(safe_cell) for name, column in table.items() if not is_numeric_dtype(column)}
    return table.assign(**texts).rename(columns=safe_cell)


def metrics(folder: RunFolder) -> pd.DataFrame:
    """Every number of the stream of a run, one a row, in the order of the stream."""
    return pd.DataFrame(_metrics(folder), columns=["time", "stage", "step", "epoch", "split", "name", "value"])


def _paths(settings: DataSettings) -> Paths:
    """Split → the column `path` of its images; no column if images have no files of their own."""
    if not isinstance(settings, Photos):
        return {split: {} for split in SPLITS}
    table = read_table(settings)
    where = {split: np.flatnonzero(table.splits == number) for number, split in enumerate(SPLITS)}
    return {split: {"path": [table.paths[row] for row in rows]} for split, rows in where.items()}


def _groups(folder: RunFolder, dataset: "DataSet", paths: "Paths") -> Any:
    """Every training and validation image: split, index, path, label, pseudo-group, and what is known of it."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    from core.artifacts import predictions_file
    from experiments.pseudo_groups import found_in, read_groups

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


def _environments(folder: RunFolder, dataset: DataSet, paths: Paths) -> Any:
    """Every training image: index, path, label, and a column per environment, 1 if the image is in it, else 0."""
    file = folder.artifacts("environments") / "environments.safetensors"
    if not file.exists():
        return None
    columns = _training_images(dataset, paths)
    found = load_file(file)
    for key in sorted(found, key=lambda key: int(key.partition("/")[0])):
        columns[key.partition("/")[2]] = np.isin(columns["index"], found[key]).astype(np.int64)
    return pd.DataFrame(columns)


def _predictions(source: Path, dataset: DataSet, paths: Paths) -> Any:
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


def _metrics(folder: RunFolder) -> Iterable[tuple[float, str, int, float | None, str | None, str, float | None]]:
    """Every number of the stream as (time, stage, step, epoch, split, name, value)."""
    for stamped in chain.from_iterable(EventReader(folder.events).chunks()):
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


def _write_state_dict(weights: Path, to: Path) -> None:
    import torch

    from core.tensors import load_tensors

    torch.save(load_tensors(weights), to)


def _copy(file: Path, to: Path) -> Path:
    shutil.copyfile(file, to / file.name)
    return to / file.name


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InputError("--parquet needs pyarrow: install prusc-tui[parquet]") from None
