"""What is known of a run: the content of its run.json, and the short form that the index keeps."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

StageStatus = Literal["waiting", "running", "done"]
RunStatus = Literal["queued", "running", "stopped", "failed", "finished", "lost"]
"""`lost` is never written: it is what a reader sees where the process of a queued or running run is gone."""

ACTIVE: frozenset[str] = frozenset({"queued", "running"})

# No 0, 1, i, l, o: an id is read from one screen and typed into another.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage of a run: how far it came and what it measured.

    Attributes:
        name: the stage.
        status: waiting, running or done.
        key: hash of everything that decides the artifacts; None before it is known.
        seconds: work so far, in seconds.
        reused: id of the run that made the artifacts, where they were taken from another run.
        keep_ratio: share of weights that are kept after the stage; None before the first pruning.
        evaluations: split → `Evaluation.to_json` of the checkpoint that is handed on.
        selection: for each rule, the checkpoint that it would pick.
        restarts: split → what all members of a training reach: `n`, `weights`, `restarts`, `average`, `worst`, lists of
            one number for each member, as in `core.events.Restarts`; empty for stages that train one network.
    """

    name: str
    status: StageStatus = "waiting"
    key: str | None = None
    seconds: float = 0.0
    reused: str | None = None
    keep_ratio: float | None = None
    evaluations: Mapping[str, Any] = field(default_factory=dict)
    selection: Mapping[str, Any] | None = None
    restarts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the stage as the object that run.json holds and `--json` prints."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; unknown keys are ignored."""
        return cls(**_known(cls, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: what was asked for, where it runs, how far it came. Times are seconds since 1970.

    Attributes:
        id: eight characters, unique.
        name: what people call it; unique in its home.
        status: queued, running, stopped, failed or finished.
        recipe: which stages.
        preset: where the settings came from; None without one.
        data: name of the data set.
        seed: seed of the run.
        device: such as `cpu` or `cuda:0`; empty before it starts.
        selection: rule that chooses the checkpoint, on the validation split.
        attributes_used: which split's attributes the training or the selection looks at.
        config: every setting, resolved.
        overrides: dotted key → value, where it differs from the preset.
        tags: labels given by a person.
        note: text given by a person.
        created: when it was asked for.
        started: when it first began.
        ended: when it ended; None while it has not.
        seconds: work in all, without the time in which it was stopped; `worked` adds the present sitting.
        working_since: when the present sitting began; None while no process works on it.
        stages: in the order of the recipe.
        pid: process that runs it.
        pid_started: when that process began; tells a reused pid apart.
        host: machine of that process.
        launcher: who started it and can stop and kill it; a run of a version that wrote none is reached by its process.
        job: what that launcher calls the run, such as the number of a job in a queue; empty where it has no such name.
        reason: why it failed.
        forked_from: `RUN:STAGE` whose artifacts it starts from.
        version: version of the program that made it.
    """

    id: str
    name: str
    recipe: str
    data: str
    status: RunStatus = "queued"
    preset: str | None = None
    seed: int = 0
    device: str = ""
    selection: str = "last"
    attributes_used: str = "none"
    config: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    note: str = ""
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    seconds: float = 0.0
    working_since: float | None = None
    stages: tuple[StageRecord, ...] = ()
    pid: int | None = None
    pid_started: float | None = None
    host: str | None = None
    launcher: str = "detached"
    job: str = ""
    reason: str = ""
    forked_from: str | None = None
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the run as the object that run.json holds and `prusc show --json` prints."""
        value = {f.name: getattr(self, f.name) for f in fields(self)}
        return value | {"tags": list(self.tags), "stages": [stage.to_json() for stage in self.stages]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; unknown keys are ignored, missing ones take their default.

        Raises:
            KeyError, TypeError: the value is no run.
        """
        known = _known(cls, value)
        known["tags"] = tuple(value.get("tags", ()))
        known["stages"] = tuple(StageRecord.from_json(stage) for stage in value.get("stages", ()))
        return cls(**known)

    @property
    def in_hand(self) -> bool:
        """Whether a process works on the run or a queue holds its job; a queued run may still be free for anyone."""
        return self.status in ACTIVE and (self.pid is not None or bool(self.job))

    def stage(self, name: str) -> StageRecord:
        """Return the stage of that name.

        Raises:
            ValueError: the run has no such stage.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise ValueError(f"run {self.id} has no stage {name!r}")

    def final_evaluation(self, split: str) -> Mapping[str, Any] | None:
        """Evaluation of the last stage that was evaluated on `split`, as `Evaluation.to_json` gives it."""
        found = [stage.evaluations[split] for stage in self.stages if split in stage.evaluations]
        return found[-1] if found else None

    def summary(self) -> dict[str, Any]:
        """Return the small document that the index keeps.

        `wga` and `average` are those of the test split, and of the validation split where the test split was not
        evaluated; `wga_split` says which. `stage` is the running stage, else the last one done.
        """
        split = next((s for s in ("test", "validation") if self.final_evaluation(s) is not None), None)
        evaluation = self.final_evaluation(split) if split else None
        ratios = [stage.keep_ratio for stage in self.stages if stage.keep_ratio is not None]
        running = [stage.name for stage in self.stages if stage.status == "running"]
        done = [stage.name for stage in self.stages if stage.status == "done"]
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "recipe": self.recipe,
            "preset": self.preset,
            "data": self.data,
            "seed": self.seed,
            "selection": self.selection,
            "attributes_used": self.attributes_used,
            "tags": list(self.tags),
            "note": self.note,
            "created": self.created,
            "started": self.started,
            "ended": self.ended,
            "seconds": self.seconds,
            "working_since": self.working_since,
            "wga": evaluation["worst_group"]["accuracy"] if evaluation else None,
            "wga_split": split,
            "average": evaluation["average"] if evaluation else None,
            "keep_ratio": ratios[-1] if ratios else None,
            "stage": running[0] if running else done[-1] if done else None,
            "stage_keys": {stage.name: stage.key for stage in self.stages if stage.status == "done" and stage.key},
            "host": self.host,
            "pid": self.pid,
            "pid_started": self.pid_started,
            "forked_from": self.forked_from,
            "device": self.device,
            "reason": self.reason,
        }


def worked(run: Mapping[str, Any], now: float) -> float:
    """Return the seconds of work up to `now`, in seconds since 1970; those of a running run go on.

    Args:
        run: what `RunRecord.summary` or `RunRecord.to_json` returns.
        now: seconds since 1970.
    """
    since = run.get("working_since") if run["status"] == "running" else None
    seconds: float = run["seconds"]
    return seconds if since is None else seconds + max(0.0, now - since)


def new_id() -> str:
    """Draw a run id: eight lower-case characters without look-alikes, at random whatever the seed."""
    number = int.from_bytes(os.urandom(16))
    letters = []
    for _ in range(8):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(letters)


class InvalidIdError(ValueError):
    """A text that can be no run id; an id becomes a path, and it may come from a command line."""


def checked_id(id: str) -> str:
    """Return the id if it is made of lower-case letters and digits only.

    Raises:
        InvalidIdError: it is not.
    """
    if not (id.isascii() and id.isalnum() and id == id.lower()):
        raise InvalidIdError(f"{id!r} is no run id")
    return id


def _known(cls: type[StageRecord] | type[RunRecord], value: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(cls)}
    return {key: item for key, item in value.items() if key in names}
