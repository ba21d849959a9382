"""`prusc export`: a run as plain files."""

from pathlib import Path
from typing import Annotated

import typer

from prusc_tui.cli.run import find
from prusc_tui.cli.runs import Run
from prusc_tui.words import to_json


def export(
    reference: Run,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder for the files; created if missing.")],
    stage: Annotated[str | None, typer.Option("--stage", help="Stage of the network (default: the last).")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Also write metrics.parquet.")] = False,
    torch: Annotated[bool, typer.Option("--torch", help="Also write model.pt, a state dict for torch.load.")] = False,
    onnx: Annotated[bool, typer.Option("--onnx", help="Also write model.onnx, with normalisation inside.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write model, masks, clusters, predictions and metrics of a run as plain files."""
    from experiments.export import export_run

    files = export_run(find(reference), to, stage=stage, parquet=parquet, torch=torch, onnx=onnx)
    if json:
        typer.echo(to_json({"folder": str(to), "files": [path.name for path in files]}))
        return
    for path in files:
        typer.echo(f"{path}  {path.stat().st_size:,} bytes")
