"""A run as plain files for other programs: safetensors, CSV, JSON; on request a torch state dict and ONNX."""

import shlex
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from core.artifacts import MASKS, MODEL
from core.data.load import glance
from core.errors import InputError
from core.runs.folder import RunFolder
from experiments import bundled
from experiments.description import Description, describe, stage_with_network
from experiments.export.tables import for_csv, groups_of, tables_of
from experiments.plan import config_of


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
        from experiments.export.onnx import need_onnx, write_onnx

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
        written += _tables(tables_of(folder, source, dataset, config.data), to, parquet)
    except OSError as error:
        raise InputError(f"--to {to}: cannot be written ({error.strerror})") from None
    return written


def export_groups(folder: RunFolder, file: Path) -> str:
    """Write the table of pseudo-groups alone, as in `groups.csv`, and return the command that takes it back.

    Raises InputError if the run has no pseudo-groups yet, or the file is already there: it may have been corrected.
    """
    record = folder.record()
    settings = config_of(record).data
    table = groups_of(folder, glance(settings, bundled.folder()), settings)
    if table is None:
        raise InputError(f"run '{record.name}' has no pseudo-groups yet; it is {record.status}")
    if file.exists():
        raise InputError(f"--groups {file}: exists, perhaps with corrections; choose another name")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="") as opened:
            for_csv(table).to_csv(opened, index=False)
    except OSError as error:
        raise InputError(f"--groups {file}: cannot be written ({error.strerror})") from None
    words = ["prusc", "run", "--from", f"{record.id}:{record.stages[0].name}", "--groups", str(file)]
    return shlex.join(words)


def _small(source: Path, about: Description, values: Mapping[str, Any], to: Path, onnx: bool) -> Iterable[Path]:
    """The network without the channels that its masks drop."""
    from core.pruning.channels import cut, kept_channels
    from core.tensors import load_tensors, save_tensors
    from experiments.export.onnx import write_onnx
    from experiments.network import network_of

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


def _tables(tables: Mapping[str, pd.DataFrame], to: Path, parquet: bool) -> Iterable[Path]:
    for name, table in tables.items():
        for_csv(table).to_csv(to / f"{name}.csv", index=False)
        yield to / f"{name}.csv"
    if parquet:
        tables["metrics"].to_parquet(to / "metrics.parquet", index=False)
        yield to / "metrics.parquet"


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
