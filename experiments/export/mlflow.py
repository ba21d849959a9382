"""A run in MLflow: parameters, metrics by step, tags, and the exported files as artifacts."""

import logging
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from core.config import flatten
from core.errors import InputError
from core.feed.points import Finals, points
from core.feed.standing import StandingEvents
from core.runs.folder import RunFolder
from core.runs.record import ACTIVE, RunRecord
from core.runs.text import safe_text
from experiments.export.files import export_run

if TYPE_CHECKING:
    from mlflow.entities import Metric

T = TypeVar("T")

EXPERIMENT = "prusc-tui"
"""MLflow's experiment for the runs, unless $MLFLOW_EXPERIMENT_NAME names another one."""
ID = "prusc.id"
"""Tag with the id of the run."""
LONGEST = 6000
"""Characters of a parameter that MLflow takes."""
_STATES = {"finished": "FINISHED", "failed": "FAILED"}
_REFUSED = re.compile(r"[^/\w.\- :]+")


def tracking(to: str) -> str | None:
    """The tracking URI of `mlflow:URI`, empty for `mlflow` alone, which is MLflow's own choice; None for a folder."""
    return "" if to == "mlflow" else to.removeprefix("mlflow:") if to.startswith("mlflow:") else None


def export_to_mlflow(folder: RunFolder, uri: str, **options: Any) -> dict[str, str]:
    """Write a run into MLflow; an earlier export of the same run is marked as deleted there.

    Args:
        folder: of the run.
        uri: a tracking URI or a folder; empty for that of MLflow's environment.
        options: of `export_run`, which makes the artifacts.

    Returns:
        `run_id`, `experiment` and `tracking_uri`.

    Raises:
        InputError: MLflow is not installed or does not take the run, or there is nothing to export yet.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise InputError("--to mlflow needs mlflow: pip install 'prusc-tui[mlflow]'") from None

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    # A folder that the user names is meant, though MLflow prefers a database.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    with tempfile.TemporaryDirectory() as made:
        export_run(folder, Path(made), **options)
        try:
            return _write(MlflowClient(tracking_uri=uri or None), folder, Path(made))
        except (MlflowException, OSError, ImportError) as error:
            why = safe_text(str(error).splitlines()[0])
            raise InputError(f"--to mlflow{':' if uri else ''}{uri}: {why}") from None


def _write(client: Any, folder: RunFolder, made: Path) -> dict[str, str]:
    from mlflow.entities import Param

    record = folder.settled()
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found is not None else client.create_experiment(name)
    earlier = client.search_runs([experiment], f"tags.`{ID}` = '{record.id}'")
    started, ended = (None if time is None else round(1000 * time) for time in (record.started, record.ended))
    run = client.create_run(experiment, start_time=started, tags=_tags(record), run_name=record.name).info.run_id
    params = [Param(key, _text(value)[:LONGEST]) for key, value in flatten(dict(record.config))]
    try:
        for some in _batches(params, 100):
            client.log_batch(run, params=some)
        for metrics in _batches(_metrics(folder), 1000):
            client.log_batch(run, metrics=metrics)
        client.log_artifacts(run, str(made))
    except Exception:
        client.delete_run(run)
        raise
    if record.status not in ACTIVE:
        client.set_terminated(run, _STATES.get(record.status, "KILLED"), ended)
    for old in earlier:
        client.delete_run(old.info.run_id)
    return {"run_id": run, "experiment": name, "tracking_uri": client.tracking_uri}


def _metrics(folder: RunFolder) -> Iterator["Metric"]:
    """Every number by step, and the final results at step 0."""
    from mlflow.entities import Metric

    names, finals, last = _Names(), Finals(), 0.0
    for stamped in StandingEvents(folder.events).read():
        finals.add(stamped.event)
        last = stamped.t
        for point in points(stamped):
            yield Metric(names.of(point.name), point.value, round(1000 * point.t), point.step)
    for name, value in finals.values.items():
        yield Metric(names.of(name), value, round(1000 * last), 0)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


class _Names:
    """Names that MLflow takes, one for each of ours."""

    def __init__(self) -> None:
        self._theirs: dict[str, str] = {}

    def of(self, name: str) -> str:
        if name not in self._theirs:
            plain = _REFUSED.sub("-", name)
            taken = sum(
                re.fullmatch(rf"{re.escape(plain)}(_\d+)?", other) is not None for other in self._theirs.values()
            )
            self._theirs[name] = f"{plain}_{taken + 1}" if taken else plain
        return self._theirs[name]


def _tags(record: RunRecord) -> dict[str, str]:
    tags = {
        ID: record.id,
        "prusc.recipe": record.recipe,
        "prusc.data": record.data,
        "prusc.seed": str(record.seed),
        "prusc.attributes_used": record.attributes_used,
        "prusc.version": record.version,
        **{f"prusc.tag.{_REFUSED.sub('-', tag)}": "true" for tag in record.tags},
    }
    return {**tags, "mlflow.note.content": record.note} if record.note else tags


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
