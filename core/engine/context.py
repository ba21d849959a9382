"""Interface of the engine for a stage: device, random streams, inputs, events, checkpoints, stop requests."""

import shutil
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from core.data.dataset import DataSet
from core.engine.checkpoints import load_checkpoint, save_checkpoint
from core.engine.randomness import Streams
from core.errors import Stopped
from core.events import Event, Logged, Progress, decode, encode, latest
from core.pace import Pace
from core.parallel import formed, team
from core.runs.disk import sync_below
from core.runs.folder import RunFolder, earlier

CHECKPOINT_EVERY = 60.0
"""Seconds between checkpoints, so that a killed run loses at most a minute."""
FORMAT = 3
"""Version of the checkpoint format; a checkpoint of another version is ignored, and the stage starts over."""
PROGRESS_EVERY = 0.2
"""Minimum seconds between progress events."""


class StageContext:
    """Everything that a stage needs while it runs.

    Args:
        folder: of the run; read for inputs and checkpoints.
        stage: name of the stage.
        device: of the tensors.
        seed: of the run.
        load_data: loads the data set.
        write: receives the events of the stage.
        stop_asked: returns whether a stop was requested.
    """

    def __init__(
        self,
        folder: RunFolder,
        stage: str,
        device: torch.device,
        seed: int,
        load_data: Callable[[], DataSet],
        write: Callable[[Event], None],
        stop_asked: Callable[[], bool],
    ) -> None:
        self.device = device
        self.stage = stage
        self.streams = Streams(seed, stage, formed().rank)
        self._folder = folder
        self._load_data = load_data
        self._write = write
        self._stop_asked = stop_asked
        self._lasting: list[Event] = []
        self._seconds_before = 0.0
        self._started = time.monotonic()
        self._saved = self._started
        self._reported = 0.0
        self._pace = Pace()
        self._resumed = self._read_checkpoint()
        if self._resumed is None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.streams.seed_global(device)
        self.directory.mkdir(parents=True, exist_ok=True)

    @property
    def directory(self) -> Path:
        """Output folder of the stage; renamed to `artifacts/<stage>` when the stage is done."""
        final = self._folder.artifacts(self.stage)
        return final.with_name(f".{final.name}.partial")

    @cached_property
    def data(self) -> DataSet:
        """The data set of the run."""
        return self._load_data()

    @property
    def seconds(self) -> float:
        """Seconds of work on this stage so far, including work before a stop."""
        return self._seconds_before + time.monotonic() - self._started

    def input(self, stage: str) -> Path:
        """Folder with the artifacts of an earlier stage."""
        return self._folder.artifacts(stage)

    def generator(self, name: str, device: torch.device | str = "cpu") -> torch.Generator:
        """Return the random stream `name` of this stage."""
        return self.streams.generator(name, device)

    def emit(self, event: Event) -> None:
        """Write an event to the stream; lasting events are repeated when the stage is reused."""
        if event.lasts:
            self._lasting = latest(self._lasting, event)
        self._write(event)

    def progress(self, step: int, total: int, left: float | None = None) -> None:
        """Report that `step` of `total` steps are done; too frequent reports are dropped.

        Args:
            step: number of steps done.
            total: number of steps.
            left: seconds to the end of the stage, if it knows better than that all steps take equally long.
        """
        now = time.monotonic()
        if step == total or now - self._reported >= PROGRESS_EVERY:
            self._reported = now
            self._pace.reach(step)
            left = self._pace.left(total) if left is None else left
            self._write(Progress(self.stage, step, total, None if left is None else round(left, 1)))

    def at_boundary(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Mark a step boundary: write a checkpoint if one is due, and stop if requested.

        In a team, the first process decides both for all.

        Args:
            state: returns everything needed to continue from here; random streams are added.

        Raises:
            Stopped: after writing the checkpoint.
        """
        stopping, due = team().agreed(self._stop_asked(), time.monotonic() - self._saved >= CHECKPOINT_EVERY)
        if stopping or due:
            self.save(state)
        if stopping:
            raise Stopped

    def between_batches(self) -> None:
        """Stop if requested, in the middle of a pass over a split; call it in all processes of a team.

        Raises:
            Stopped: without a checkpoint: who can continue from before the pass writes it (`save`).
        """
        (stopping,) = team().agreed(self._stop_asked())
        if stopping:
            raise Stopped

    def save(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Write a checkpoint; call it in all processes of a team.

        Args:
            state: as in `at_boundary`.
        """
        _, *others = team().gathered(self.streams.global_state(self.device))
        if team().rank == 0:
            # Who continues from it relies on what the stage has written so far, also after a power failure.
            sync_below(self.directory)
            save_checkpoint(
                self._folder.checkpoint(self.stage),
                {
                    "format": FORMAT,
                    "run": self._folder.id,
                    "stage": self.stage,
                    "state": dict(state()),
                    "streams": self.streams.state_dict(self.device),
                    "others": others,
                    "seconds": self.seconds,
                    "lasting": [encode(event, 0.0).decode() for event in self._lasting],
                },
            )
        self._saved = time.monotonic()

    def resume_state(self) -> dict[str, Any] | None:
        """State of the last checkpoint; None for a fresh start.

        This call restores the random streams, so a stage calls it after building its network.
        """
        if self._resumed is None:
            return None
        # Not earlier: building a network draws from the global generator.
        self.streams.load_state_dict(self._resumed["streams"], self.device)
        if rank := team().rank:
            others = self._resumed.get("others", [])
            if rank <= len(others):
                self.streams.load_global_state(others[rank - 1], self.device)
            else:  # it was written by fewer processes
                self.streams.seed_global(self.device)
        state: dict[str, Any] = self._resumed["state"]
        return state

    @property
    def resumes(self) -> bool:
        """Whether the stage continues from a checkpoint."""
        return self._resumed is not None

    def lasting_events(self) -> list[Event]:
        """Lasting events of the stage, in order."""
        return list(self._lasting)

    def _read_checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint that can be used; the log of the run tells of those that cannot."""
        if not self.directory.exists():
            return None
        last = self._folder.checkpoint(self.stage)
        problems = []
        for path in filter(Path.exists, (last, earlier(last))):
            saved = self._load(path)
            if isinstance(saved, str):
                problems.append(f"{path.name} {saved}")
                continue
            self._tell(problems, "the stage continues from the checkpoint before it")
            self._seconds_before = saved["seconds"]
            self._lasting = [stamped.event for line in saved["lasting"] if (stamped := decode(line.encode()))]
            return saved
        self._tell(problems, "the stage starts over")
        return None

    def _load(self, path: Path) -> dict[str, Any] | str:
        """Read a checkpoint, or return what is wrong with it."""
        try:
            saved = load_checkpoint(path)
        except Exception:  # whatever is in the file, there may be another one
            return "is damaged"
        if not isinstance(saved, dict) or saved.get("format") != FORMAT:
            return "is not of this version"
        # Earlier versions recorded neither.
        if (saved.get("run", self._folder.id), saved.get("stage", self.stage)) != (self._folder.id, self.stage):
            return "is of another run or stage"
        return saved

    def _tell(self, problems: list[str], then: str) -> None:
        if problems:
            self._write(Logged(f"{self.stage}: checkpoint {' and '.join(problems)}; {then}"))
