"""A run as plain files that other programs read: safetensors, CSV, JSON (no torch)."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core.errors import InputError, nearest
from core.events import Evaluated, Scalars, Sparsity
from core.runs.folder import RunFolder
from core.runs.stream import EventReader
from experiments import bundled
from experiments.launch import config_of

if TYPE_CHECKING:
    from core.data import DataSet

SPLITS = ("validation", "test")
MEMBERS = ("reference", "train")
"""Stages that train the network of section `train`."""


def export_run(folder: RunFolder, to: Path, *, stage: str | None = None, parquet: bool = False) -> list[Path]:
    """Write the network of a run and all that describes it.

    Files: `model.safetensors` (state dict of the plain network, zeros where masked), `model.json` (network, classes,
    normalisation), `masks.safetensors`, `clusters.csv`, `environments.csv`, `predictions.csv`, `metrics.csv`,
    `metrics.parquet`; those that the run does not have are left out.

    Args:
        folder: of the run.
        to: folder for the files; made if missing, files of these names are replaced.
        stage: whose network; the last stage that has one by default.
        parquet: also write `metrics.parquet`.

    Returns:
        The files written.

    Raises:
        InputError: no such stage, nothing to export yet, a folder that cannot be written, or pyarrow is missing.
    """
    from core.data import load

    record = folder.record()
    config = config_of(record)
    names = [s.name for s in record.stages if (folder.artifacts(s.name) / "model.safetensors").exists()]
    if stage is not None and stage not in names:
        raise InputError(f"--stage {stage}: run '{record.name}' has no network of that stage{nearest(stage, names)}")
    if not names:
        raise InputError(f"run '{record.name}' has no network yet; it is {folder.status()}")
    if parquet:
        _need_pyarrow()
    source = folder.artifacts(stage or names[-1])
    dataset = load(config.data, bundled.folder())
    try:
        to.mkdir(parents=True, exist_ok=True)
        written = [_copy(source / "model.safetensors", to)]
        binary = source.name in MEMBERS and config.train.head_for(len(dataset.label_names)) == "binary"
        about = {
            "run": record.id,
            "stage": source.name,
            "network": config.train.network if source.name in MEMBERS else config.model.name,
            "outputs": 1 if binary else len(dataset.label_names),
            "labels": dataset.label_names,
            "channels": dataset.splits["train"].images.shape[1],
            "mean": dataset.mean,
            "std": dataset.std,
        }
        (to / "model.json").write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2))
        written.append(to / "model.json")
        if (source / "masks.safetensors").exists():
            written.append(_copy(source / "masks.safetensors", to))
        written += _tables(folder, source, dataset, to, parquet)
    except OSError as error:
        raise InputError(f"--to {to}: cannot be written ({error.strerror})") from None
    return written


def _tables(folder: RunFolder, source: Path, dataset: "DataSet", to: Path, parquet: bool) -> Iterable[Path]:
    import pandas as pd

    tables = {
        "clusters": _clusters(folder, dataset),
        "environments": _environments(folder, dataset),
        "predictions": _predictions(source, dataset),
    }
    metrics = pd.DataFrame(_metrics(folder), columns=["time", "stage", "step", "epoch", "split", "name", "value"])
    for name, table in {**tables, "metrics": metrics}.items():
        if table is not None:
            table.to_csv(to / f"{name}.csv", index=False)
            yield to / f"{name}.csv"
    if parquet:
        metrics.to_parquet(to / "metrics.parquet", index=False)
        yield to / "metrics.parquet"


def _clusters(folder: RunFolder, dataset: "DataSet") -> Any:
    """Every training image: its index, label, cluster, and how often the balanced set holds it."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    file = folder.artifacts("cluster") / "clusters.safetensors"
    if not file.exists():
        return None
    labels = dataset.splits["train"].labels
    drawn = folder.artifacts("balance") / "balanced.safetensors"
    times = np.bincount(load_file(drawn)["indices"], minlength=len(labels)) if drawn.exists() else 0
    return pd.DataFrame(
        {
            "index": np.arange(len(labels)),
            "label": np.array(dataset.label_names)[labels],
            "cluster": load_file(file)["assignments"],
            "in_balanced_set": times,
        }
    )


def _environments(folder: RunFolder, dataset: "DataSet") -> Any:
    """Every training image: its index and label, and for each environment whether it is in it (1) or not (0)."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    file = folder.artifacts("environments") / "environments.safetensors"
    if not file.exists():
        return None
    labels = dataset.splits["train"].labels
    columns = {"index": np.arange(len(labels)), "label": np.array(dataset.label_names)[labels]}
    found = load_file(file)
    for key in sorted(found, key=lambda key: int(key.partition("/")[0])):
        columns[key.partition("/")[2]] = np.isin(columns["index"], found[key]).astype(np.int64)
    return pd.DataFrame(columns)


def _predictions(source: Path, dataset: "DataSet") -> Any:
    """Every image of validation and test: its label and attributes, the predicted class and its probability."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    names = np.array(dataset.label_names)
    parts = []
    for split in SPLITS:
        arrays, said = dataset.splits[split], load_file(source / f"predictions-{split}.safetensors")  # type: ignore[index]
        columns = {"split": split, "index": np.arange(len(arrays)), "label": names[arrays.labels]}
        for column, (attribute, values) in enumerate(dataset.attributes.items()):
            columns[attribute] = np.array(values)[arrays.attributes[:, column]]
        columns |= {"prediction": names[said["classes"]], "probability": said["probabilities"]}
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
                told = event.evaluation
                worst = told["worst_group"]["accuracy"]
                for name, value in (("average", told["average"]), ("worst_group", worst)):
                    yield stamped.t, event.stage, event.step, None, event.split, name, value
                for group in told["groups"]:
                    title = " · ".join([group["label"], *group["attributes"].values()])
                    yield stamped.t, event.stage, event.step, None, event.split, title, group["accuracy"]


def _copy(file: Path, to: Path) -> Path:
    shutil.copyfile(file, to / file.name)
    return to / file.name


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InputError("--parquet needs pyarrow: install prusc-tui[parquet]") from None
