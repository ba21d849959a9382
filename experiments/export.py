"""A run as plain files for other programs: safetensors, CSV, JSON; on request a torch state dict and ONNX."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core.data.settings import Photos
from core.data.splits import HELD_OUT, SPLITS
from core.errors import InputError, nearest
from core.events import Evaluated, Scalars, Sparsity
from core.runs.folder import RunFolder
from core.runs.stream import EventReader
from experiments import bundled
from experiments.description import Description, describe
from experiments.plan import config_of

if TYPE_CHECKING:
    from core.config import DataSettings
    from core.data.dataset import DataSet

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
    """Write the network of a run and everything that describes it.

    Files: `model.safetensors` (state dict of the plain network, zeros where masked), `model.json` (how to build the
    network, its labels and the pixels that it takes), `masks.safetensors`, `small.safetensors` and `small.json` (the
    same network without the channels that masks of channels drop; dense), `groups.csv`, `environments.csv`,
    `predictions.csv`, `metrics.csv`, `metrics.parquet`, `model.pt`, `model.onnx`, `small.onnx`; files that the run does
    not have, or that were not asked for, are left out.

    Args:
        folder: of the run.
        to: folder for the files; created if missing; existing files are replaced.
        stage: stage of the network; by default the last that has one.
        parquet: also write `metrics.parquet`.
        torch: also write `model.pt`, the state dict as torch saves it.
        onnx: also write `model.onnx` and possibly `small.onnx`, with the normalisation inside.

    Returns:
        The files written.

    Raises:
        InputError: no such stage, nothing to export yet, a folder that cannot be written, or a missing package.
    """
    from core.data.load import glance

    record = folder.record()
    config = config_of(record)
    source = folder.artifacts(stage_with_network(folder, stage))
    if parquet:
        _need_pyarrow()
    if onnx:
        from experiments.onnx import need_onnx

        need_onnx()
    dataset = glance(config.data, bundled.folder())
    about = describe(config, dataset, source.name)
    try:
        to.mkdir(parents=True, exist_ok=True)
        written = [_copy(source / "model.safetensors", to)]
        values = {"run": record.id, "stage": source.name, **about.to_json()}
        (to / "model.json").write_bytes(orjson.dumps(values, option=orjson.OPT_INDENT_2))
        written.append(to / "model.json")
        if (source / "masks.safetensors").exists():
            written.append(_copy(source / "masks.safetensors", to))
        if torch:
            written.append(_state_dict(source / "model.safetensors", to / "model.pt"))
        if onnx:
            written.append(_onnx(source / "model.safetensors", about, to / "model.onnx"))
        if config.prune.structure == "channels" and (source / "masks.safetensors").exists():
            written += _small(source, about, values, to, onnx)
        written += _tables(folder, source, dataset, config.data, to, parquet)
    except OSError as error:
        raise InputError(f"--to {to}: cannot be written ({error.strerror})") from None
    return written


def stage_with_network(folder: RunFolder, stage: str | None = None) -> str:
    """Check that a stage has a network; by default return the last that has one.

    Raises:
        InputError: the stage has none, or no stage has one yet.
    """
    record = folder.record()
    names = [s.name for s in record.stages if (folder.artifacts(s.name) / "model.safetensors").exists()]
    if stage is not None and stage not in names:
        raise InputError(f"--stage {stage}: run '{record.name}' has no network of that stage{nearest(stage, names)}")
    if not names:
        raise InputError(f"run '{record.name}' has no network yet; it is {folder.status()}")
    return stage or names[-1]


def _state_dict(weights: Path, to: Path) -> Path:
    import torch

    from core.tensors import load_tensors

    torch.save(load_tensors(weights), to)
    return to


def _onnx(weights: Path, about: Description, to: Path) -> Path:
    from experiments.onnx import write_onnx

    write_onnx(weights, about, to)
    return to


def _small(source: Path, about: Description, values: Mapping[str, Any], to: Path, onnx: bool) -> Iterable[Path]:
    """The network without the channels that its masks drop."""
    from core.pruning.channels import cut, kept_channels
    from core.tensors import load_tensors, save_tensors
    from experiments.onnx import network_of

    network = network_of(about)
    network.load_state_dict(load_tensors(source / "model.safetensors"))
    kept = kept_channels(network, load_tensors(source / "masks.safetensors"))
    small = replace(about, kept={conv: max(1, int(rows.sum())) for conv, rows in kept.items()})
    save_tensors(to / "small.safetensors", cut(network, kept).state_dict())
    (to / "small.json").write_bytes(orjson.dumps({**values, **small.to_json()}, option=orjson.OPT_INDENT_2))
    yield to / "small.safetensors"
    yield to / "small.json"
    if onnx:
        yield _onnx(to / "small.safetensors", small, to / "small.onnx")


def _tables(
    folder: RunFolder, source: Path, dataset: "DataSet", settings: "DataSettings", to: Path, parquet: bool
) -> Iterable[Path]:
    import pandas as pd

    paths = _paths(settings)
    tables = {
        "groups": _groups(folder, dataset, paths),
        "environments": _environments(folder, dataset, paths),
        "predictions": _predictions(source, dataset, paths),
    }
    metrics = pd.DataFrame(_metrics(folder), columns=["time", "stage", "step", "epoch", "split", "name", "value"])
    for name, table in {**tables, "metrics": metrics}.items():
        if table is not None:
            table.to_csv(to / f"{name}.csv", index=False)
            yield to / f"{name}.csv"
    if parquet:
        metrics.to_parquet(to / "metrics.parquet", index=False)
        yield to / "metrics.parquet"


def _paths(settings: "DataSettings") -> "Paths":
    """Split → the column `path` of its images; no column if images have no files of their own."""
    if not isinstance(settings, Photos):
        return {split: {} for split in SPLITS}
    import numpy as np

    from core.data.table import read_table

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
    names, classes = np.array(found.names), np.array(dataset.label_names)
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


def _environments(folder: RunFolder, dataset: "DataSet", paths: "Paths") -> Any:
    """Every training image: index, path, label, and a column per environment, 1 if the image is in it, else 0."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    file = folder.artifacts("environments") / "environments.safetensors"
    if not file.exists():
        return None
    labels = dataset.splits["train"].labels
    index = np.arange(len(labels))
    columns = {"index": index, **paths["train"], "label": np.array(dataset.label_names)[labels]}
    found = load_file(file)
    for key in sorted(found, key=lambda key: int(key.partition("/")[0])):
        columns[key.partition("/")[2]] = np.isin(index, found[key]).astype(np.int64)
    return pd.DataFrame(columns)


def _predictions(source: Path, dataset: "DataSet", paths: "Paths") -> Any:
    """Every image of validation and test: label, attributes, predicted class and its probability."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

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
    for stamped in EventReader(folder.events).read():
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


def _copy(file: Path, to: Path) -> Path:
    shutil.copyfile(file, to / file.name)
    return to / file.name


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InputError("--parquet needs pyarrow: install prusc-tui[parquet]") from None
