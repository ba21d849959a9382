"""TensorBoard: event files with scalars by stage, the settings as hyperparameters, and the final results."""

from pathlib import Path
from typing import Any

import orjson

from core.config import flatten
from core.events import RunFinished, Stamped
from core.feed.points import FINAL, Finals, Point, points
from core.runs.record import RunRecord
from core.runs.text import as_file_name
from experiments.loggers import Logger

FILES = "events.out.tfevents.*"
RESULTS = (
    *(f"{FINAL}/{split}/{number}" for split in ("test", "validation") for number in ("worst_group", "average")),
    f"{FINAL}/sparsity",
)
"""Final results that the table of hyperparameters has as columns."""


class TensorBoardLogger(Logger):
    """Writes `tensorboard/` in the folder of the run; in a shared folder, a subfolder with name and id of the run."""

    name = "tensorboard"
    summary = "Event files for TensorBoard and terminalboard."
    extra = "tensorboard"
    library = "tensorboard"

    def __init__(self) -> None:
        self._finals = Finals()
        self._described: set[str] = set()

    def open(self, record: RunRecord, folder: Path, *, shared: bool) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from torch.utils.tensorboard import FileWriter
        from torch.utils.tensorboard.summary import hparams

        place = _shared(record, folder) if shared else folder / "tensorboard"
        for old in place.glob(FILES):
            old.unlink()
        self._writer: Any = FileWriter(str(place), max_queue=1000)
        # A TensorBoard that has already read the earlier file drops what it knows.
        self._writer.add_event(Event(session_log=SessionLog(status=SessionLog.START)), 0)
        settings = {key: _plain(value) for key, value in flatten(dict(record.config))}
        experiment, start, self._end = hparams(settings, dict.fromkeys(RESULTS, 0.0))
        self._writer.add_summary(experiment)
        self._writer.add_summary(start)

    def write(self, stamped: Stamped) -> None:
        for point in points(stamped):
            self._add(point)
        self._finals.add(stamped.event)
        if isinstance(stamped.event, RunFinished):
            for name, value in self._finals.values.items():
                self._add(Point(name, 0, value, stamped.t))
            if stamped.event.status == "finished":
                self._writer.add_summary(self._end, walltime=stamped.t)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _add(self, point: Point) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.scalar.metadata import create_summary_metadata

        value = Summary.Value(tag=point.name, simple_value=point.value)
        if point.about and point.name not in self._described:
            self._described.add(point.name)
            value.metadata.CopyFrom(create_summary_metadata(point.name, point.about))
        self._writer.add_summary(Summary(value=[value]), point.step, point.t)


def _shared(record: RunRecord, folder: Path) -> Path:
    """The subfolder of a run, which keeps the name that the run had first."""
    there = sorted(folder.glob(f"*-{record.id}"))
    return there[0] if there else folder / f"{as_file_name(record.name)}-{record.id}"


def _plain(value: object) -> float | str:
    """A setting as a number or a text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return value if isinstance(value, str) else orjson.dumps(value).decode()
