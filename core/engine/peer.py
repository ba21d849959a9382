"""A process that shares the stages of a run with the process that hosts it, and writes nothing of the run itself."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch

from core.config import Config
from core.data.dataset import DataSet
from core.engine.context import StageContext
from core.engine.reason import reason
from core.engine.stage import Pipeline
from core.errors import Stopped
from core.events import Event
from core.parallel import formed, together
from core.runs.folder import RunFolder


class Call(NamedTuple):
    """The message of the first process before a stage.

    Attributes:
        stage: its name.
        resumes: whether it continues from a checkpoint.
        precision: that a trial has chosen; empty if the settings name one.
    """

    stage: str
    resumes: bool
    precision: str = ""


class PeerContext(StageContext):
    """The context of a stage whose events, files and decisions are those of the first process.

    Args:
        folder: of the run; read for inputs and checkpoints.
        call: the stage.
        device: of the tensors.
        seed: of the run.
        data: the data set.
    """

    def __init__(self, folder: RunFolder, call: Call, device: torch.device, seed: int, data: DataSet) -> None:
        self._call = call
        super().__init__(folder, call.stage, device, seed, lambda: data, _drop, lambda: False)

    @property
    def directory(self) -> Path:
        """A folder for what the stage writes here as well; it is deleted afterwards."""
        return self._folder.artifacts(f".{self.stage}.rank-{formed().rank}")

    def _read_checkpoint(self) -> dict[str, Any] | None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        return super()._read_checkpoint() if self._call.resumes else None


@dataclass
class Peer:
    """Shares the parallel stages of a run.

    Args:
        folder: of the run.
        pipeline: stages and data.
        config: of the run, for its seed.
        device: of this process.
    """

    folder: RunFolder
    pipeline: Pipeline
    config: Config
    device: torch.device

    def run(self) -> str:
        """Share stages until the first process says that the run has ended; return why this process failed, if so."""
        while (call := formed().tell()) is not None:
            try:
                with together():
                    self._work(Call(*call))
            except Stopped:
                continue
            except Exception as error:
                return reason(error, call[0], self.device, self.folder)
        return ""

    def _work(self, call: Call) -> None:
        pipeline = self.pipeline.in_precision(call.precision) if call.precision else self.pipeline
        stage = next(stage for stage in pipeline.stages if stage.name == call.stage)
        context = PeerContext(self.folder, call, self.device, self.config.seed, self._data)
        try:
            stage.run(context)
        finally:
            shutil.rmtree(context.directory, ignore_errors=True)

    @cached_property
    def _data(self) -> DataSet:
        return self.pipeline.load_data()


def _drop(event: Event) -> None:
    del event
