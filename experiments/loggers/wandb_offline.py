"""Weights & Biases, offline: a run that `wandb beta leet` shows and `wandb sync` uploads."""

import os
import shutil
from pathlib import Path
from typing import Any

from core.events import RunFinished, Stamped
from core.feed.points import Finals, points
from core.runs.record import RunRecord
from experiments.loggers import Logger

PROJECT = "prusc-tui"
"""Project of the runs, unless $WANDB_PROJECT names another one."""


class WandbOfflineLogger(Logger):
    """Writes `wandb/offline-run-…` in the folder of the run, or in a shared one; nothing is sent anywhere.

    Each stage counts its own steps: `stage/step` is the axis of the numbers of a stage.
    """

    name = "wandb-offline"
    summary = "An offline run of Weights & Biases; nothing is uploaded."
    extra = "wandb"
    library = "wandb"

    def __init__(self) -> None:
        self._finals = Finals()
        self._failed = True

    def open(self, record: RunRecord, folder: Path, *, shared: bool) -> None:  # noqa: ARG002
        import wandb

        for old in (folder / "wandb").glob(f"offline-run-*-{record.id}"):
            shutil.rmtree(old)
        folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            mode="offline",
            console="off",
            silent=True,
            disable_git=True,
            save_code=False,
            x_disable_stats=True,
        )
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            id=record.id,
            name=record.name,
            notes=record.note or None,
            tags=record.tags,
            dir=str(folder),
            config={**record.config, "attributes_used": record.attributes_used},
            reinit="create_new",
            settings=settings,
        )
        for stage in record.stages:
            self._run.define_metric(f"{stage.name}/step", hidden=True)
            self._run.define_metric(f"{stage.name}/*", step_metric=f"{stage.name}/step")

    def write(self, stamped: Stamped) -> None:
        if found := list(points(stamped)):
            stage = found[0].name.partition("/")[0]
            row = {point.name: point.value for point in found}
            self._run.log({**row, f"{stage}/step": found[0].step, "_timestamp": stamped.t})
        if self._finals.add(stamped.event):
            self._run.summary.update(self._finals.values)
        if isinstance(stamped.event, RunFinished):
            self._failed = stamped.event.status == "failed"

    def flush(self) -> None:
        pass  # the process that wandb has for the run writes by itself

    def close(self) -> None:
        self._run.finish(exit_code=int(self._failed))
