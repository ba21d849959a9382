"""Runs on photographs in a folder that take a few steps of each stage."""

from pathlib import Path

from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.launch import check, create_run
from experiments.plan import make_plan
from tests.engine.lab import go_on

FEW = (
    "compute.precision=fp32",  # a trial of bf16 takes seconds
    "data.size=32",
    "data.stored=36",
    "erm.epochs=1",
    "erm.batch_size=12",
    "erm.keep_epochs=[1]",
    "erm.lr=0.01",
    "find.by=clusters",
    "cluster.k=2",
    "balance.warn_below=0",
    "prune.steps=2",
    "prune.lr=2",
    "prune.batch_size=12",
    "finetune.steps=1",
    "finetune.batch_size=12",
    "select.looks=1",
)


def photo_run(home: Home, target: str, root: Path, *overrides: str, data: str | None = None) -> RunFolder:
    """Check, make and finish a run on the folder of a data set."""
    plan = make_plan(target, data=data, overrides=[*FEW, f"data.root={root}", *overrides])
    check(plan.config)
    folder = create_run(home, plan)
    assert go_on(folder) == "finished", folder.record().reason
    return folder
