"""Runs all stages of a run: reuse, resume, stop, and a record of each stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from core.config import Config
from core.data.dataset import DataSet
from core.data.watch import Watch
from core.engine.artifacts import Sealed, find, link, read_seal, seal
from core.engine.context import StageContext
from core.engine.data_progress import DataProgress
from core.engine.devices import software
from core.engine.peer import Call
from core.engine.precision import AUTO, choose
from core.engine.reason import reason
from core.engine.stage import Pipeline, Stage, stage_key
from core.errors import InputError, StageError, Stopped
from core.events import Event, Logged, RunFinished, RunStarted, StageFinished, StageReused, Warned
from core.parallel import formed, together
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.lease import Lease, holder
from core.runs.log import RunLog
from core.runs.record import RunRecord
from core.runs.stream import EventWriter

WAIT = 0.5
"""Seconds between attempts to compute a stage that another run computes."""


@dataclass
class Runner:
    """Runs the pipeline of one run folder in the calling thread.

    Args:
        folder: of the run; while `run` works, this object is its only writer.
        pipeline: stages and data.
        config: of the run, for its seed.
        device: leased by the caller.
        stop_asked: polled at every step boundary.
        fresh: refuse artifacts of other runs.
    """

    folder: RunFolder
    pipeline: Pipeline
    config: Config
    device: torch.device
    stop_asked: Callable[[], bool]
    fresh: bool = False
    refused: InputError | None = field(init=False, default=None)
    """Bad input that ended the run, such as an image that cannot be decoded."""
    _writer: EventWriter = field(init=False)
    _index: RunLog = field(init=False)
    _clock: float = field(init=False)
    _dataset: DataSet | None = field(init=False, default=None)
    _precision: str = field(init=False, default="")

    def run(self) -> str:
        """Run the remaining stages and return the final status: finished, stopped or failed."""
        self._index = RunLog(self.folder.home)
        self._writer = EventWriter(self.folder.events)
        self._clock = time.monotonic()
        try:
            status, reason = self._attempt()
            self._end(status, reason)
        finally:
            self._writer.close()
        return status

    def _attempt(self) -> tuple[str, str]:
        """Run the stages; return the status and, if failed, the reason."""
        at = "the start"
        try:
            self._begin()
            fingerprint = self._identify()
            self._settle_precision()
            keys: dict[str, str] = {}
            for stage in self.pipeline.stages:
                at = stage.name
                inputs = [keys[name] for name in stage.inputs]
                key = stage_key(stage, inputs, fingerprint, self.config.seed)
                keys[stage.name] = self._stage(stage, key)
        except Stopped:
            return "stopped", ""
        except Exception as error:
            if isinstance(error, InputError):
                self.refused = error
            return "failed", reason(error, at, self.device, self.folder)
        return "finished", ""

    def _stage(self, stage: Stage, key: str) -> str:
        """Provide the artifacts of `stage` in the fastest way (present, reused or computed); return their key."""
        final = self.folder.artifacts(stage.name)
        if (sealed := read_seal(final)) is not None:
            self._take(stage.name, sealed)
            return sealed.key
        if self.stop_asked():
            raise Stopped
        with nullcontext() if self.fresh else self._alone(key):
            source = None if self.fresh else find(self._index, self.folder, stage.name, key)
            if source is None or not link(RunFolder(self.folder.home, source).artifacts(stage.name), final):
                self._work(stage, key, final)
                return key
        self.folder.update_stage(stage.name, reused=source)
        return self._stage(stage, key)

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Wait until no other run computes the stage with this key: its artifacts are then there to be reused."""
        path, said = self.folder.home.locks / f"stage-{key}.lock", False
        while (lease := Lease.take(path, note=self.folder.id)) is None:
            if self.stop_asked():
                raise Stopped
            if not said:
                self._write(Logged(f"waiting for run {holder(path)}, which computes this stage"))
                said = True
            time.sleep(WAIT)
        try:
            yield
        finally:
            lease.release(remove=True)

    def _work(self, stage: Stage, key: str, final: Path) -> None:
        self.folder.update_stage(stage.name, status="running", key=key, reused=None)
        self._index.put(self.folder.record())
        context = StageContext(
            self.folder,
            stage.name,
            self.device,
            self.config.seed,
            partial(self._data, stage.name),
            self._write,
            self.stop_asked,
        )
        if stage.parallel and formed().size > 1:
            context.data  # noqa: B018  # decoded by one process; and a stop while it loads concerns no other
            formed().tell(Call(stage.name, context.resumes, self._precision))
            with together():
                stage.run(context)
        else:
            stage.run(context)
        sealed = Sealed(key, context.seconds, tuple(context.lasting_events()))
        seal(context.directory, final, sealed)
        self._done(stage.name, sealed, None)

    def _take(self, stage: str, sealed: Sealed) -> None:
        """Record artifacts that already exist: from this run, linked from another run, or from a fork."""
        before = self.folder.record().stage(stage)
        if before.status == "done":
            return
        if before.reused is not None:
            self._write(StageReused(stage, before.reused))
            for event in sealed.events:
                self._write(event)
        self._done(stage, sealed, before.reused)

    def _done(self, stage: str, sealed: Sealed, reused: str | None) -> None:
        self.folder.drop_checkpoint(stage)
        self._write(StageFinished(stage, sealed.seconds, sealed.keep_ratio))
        self._writer.sync()
        self.folder.update_stage(stage, status="done", reused=reused, **sealed.record)
        self._index.put(self.folder.record())

    def _begin(self) -> None:
        record = self.folder.record()
        process = here()
        resumed = record.started is not None
        devices = ",".join(map(str, formed().devices)) or str(self.device)
        started = RunStarted(process["pid"], process["host"], devices, resumed, software(self.device, formed().size))
        self.folder.beat()
        self._index.expect(record.id, **process)
        now = time.time()
        record = self.folder.update(
            status="running",
            started=record.started or now,
            ended=None,
            working_since=now,
            device=devices,
            reason="",
            **process,
        )
        self._index.put(record)
        self._write(started)
        threads = f"{torch.get_num_threads()} threads, " if self.device.type == "cpu" else ""
        self._write(Logged(f"torch {torch.__version__}, {threads}{devices}"))

    def _identify(self) -> str:
        """Fingerprint of the data; raises StageError if what is done so far is from other data.

        Artifacts and checkpoints have rows of images, which would then be other images, with other labels.
        """
        found, record = self.pipeline.identify(self._watch(None)), self.folder.record()
        if record.fingerprint not in ("", found) and self._has_begun(record):
            raise StageError("the data has changed since the run began", "start a new run with it")
        if record.fingerprint != found:
            self.folder.update(fingerprint=found)
        return found

    def _has_begun(self, record: RunRecord) -> bool:
        return any(
            self.folder.artifacts(stage.name).exists() or self.folder.has_checkpoint(stage.name)
            for stage in record.stages
        )

    def _settle_precision(self) -> None:
        """Replace the precision `auto` by the one that was chosen when the run began, which may be now."""
        if self.config.compute.precision != AUTO or not self.pipeline.computes:
            return
        self._precision = self.folder.record().precision
        if not self._precision:
            load = partial(self._data, self.pipeline.stages[0].name)
            self._precision, why = choose(self.folder.home, self.config, load, self.device)
            self.folder.update(precision=self._precision)
            self._write(Logged(f"precision: {self._precision}, as {why}; --precision overrides", "data"))
        self.pipeline = self.pipeline.in_precision(self._precision)

    def _end(self, status: str, reason: str) -> None:
        stopped = self.folder.take_stop()  # answered, or too late
        record = self.folder.record()
        seconds = record.seconds + time.monotonic() - self._clock
        with suppress(OSError):  # a full disk must not hide the failure
            # Before the record, so that a reader of the final record finds the stream complete.
            self._write(RunFinished(status, reason))
            self._writer.sync()
        ended = {"status": status, "reason": reason, "ended": time.time(), "seconds": seconds, "working_since": None}
        self._index.put(self.folder.update(**ended | (stopped if status == "stopped" else {})))

    def _data(self, stage: str) -> DataSet:
        if self._dataset is None:
            self._dataset = self.pipeline.load_data(self._watch(stage))
            for alarm in self._dataset.alarms:
                self._write(Warned(stage, "data", alarm))
        return self._dataset

    def _watch(self, stage: str | None) -> Watch:
        return Watch(DataProgress(self._write, stage), self.stop_asked)

    def _write(self, event: Event) -> None:
        self._writer.write(event)
