"""`prusc` with a home of its own, and the settings of a short run."""

import contextlib
import functools
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any
from unittest import mock

import orjson
import pytest
import typer.main

from prusc_tui.cli import main
from tests.forked import Forked

SETTINGS = (
    "data.train_size=600",
    "data.validation_size=80",
    "data.test_size=80",
    "data.correlation=0.8",
    "data.saturation=0.2",
    "erm.epochs=4",
    "erm.batch_size=32",
    "erm.keep_epochs=[0.5,4]",
    "find.by=clusters",
    "cluster.candidates=[2,3]",
    "cluster.min_skew=0.5",
    "balance.warn_below=0",
    "prune.steps=6",
    "prune.batch_size=32",
    "prune.lr=0.5",
    "finetune.steps=4",
    "finetune.lr=3e-4",
    "select.looks=2",
)
TINY = [word for setting in SETTINGS for word in ("--set", setting)]
"""A run of some seconds that predicts both classes in every group and loses a part of its weights."""

OF_PHOTOS = (
    "compute.precision=fp32",  # a trial of bf16 takes seconds
    "model.name=resnet18",
    "model.weights=none",
    "data.size=32",
    "data.stored=36",
    "erm.epochs=1",
    "erm.keep_epochs=[1]",
    "erm.batch_size=16",
    "find.by=clusters",
    "cluster.candidates=[2,3]",
    "cluster.min_skew=0",
    "balance.warn_below=0",
    "prune.steps=2",
    "prune.batch_size=8",
    "finetune.steps=1",
    "finetune.batch_size=8",
    "select.looks=1",
)
PHOTOS = [word for setting in OF_PHOTOS for word in ("--set", setting)]
"""A few steps of ResNet-18 on images in a folder."""


COMMANDS = functools.cache(typer.main.get_command)
"""The commands of an app, which typer would make anew at each call."""


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


def said(answer: Said) -> Any:
    """The JSON of a command that must have worked."""
    assert answer.code == 0, answer.err
    return answer.json


def environment(home):
    ours = {"PRUSC_HOME": str(home), "PRUSC_CACHE": f"{home}.cache"}
    return {**os.environ, **ours, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


class Prusc:
    """`prusc` with a home of its own: in this process when called, in another one, which is forked, by `start`."""

    def __init__(self, home):
        self.home = home

    def __call__(self, *words) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, environment(self.home)),
            mock.patch.object(sys, "argv", ["prusc", *map(str, words)]),
            mock.patch.object(typer.main, "get_command", COMMANDS),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as left,
        ):
            main()
        return Said(left.value.code or 0, out.getvalue(), err.getvalue())

    def start(self, *words, **options) -> subprocess.Popen:
        command = [sys.executable, "-m", "prusc_tui", *map(str, words)]
        return Forked(command, env=environment(self.home), text=True, **options)


def files_below(folder):
    """Every file and folder below `folder` with its content, so that two looks can be compared."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
