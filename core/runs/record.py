"""The record of a run: the content of its run.json, and the summary in the index."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from core.events import Event, Restarts, Selected
from core.fits import misfit
from core.groups import Evaluation
from core.runs.text import as_file_name

StageStatus = Literal["waiting", "running", "done"]
RunStatus = Literal["queued", "running", "stopped", "failed", "finished", "lost"]
"""`lost` is never written: readers use it if the process of a queued or running run no longer exists."""

ACTIVE: frozenset[str] = frozenset({"queued", "running"})

INDEXED = (
    *("id", "name", "status", "recipe", "preset", "data", "seed", "selection", "attributes_used", "note"),
    *("created", "started", "ended", "seconds", "working_since"),
    *("host", "pid", "pid_started", "forked_from", "device", "reason", "launcher", "job", "identity"),
)
"""Fields of a run that its summary repeats."""

# No 0, 1, i, l, o, as ids are read and typed by people.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage of a run: progress and results.

    Attributes:
        key: hash of everything that determines the artifacts; None if not known yet.
        reused: id of the run from which the artifacts were reused.
        keep_ratio: share of weights kept after the stage; None before the first pruning.
        evaluations: split → `Evaluation.to_json` of the final checkpoint.
        selection: the checkpoint that each rule would select.
        restarts: split → accuracies of all members of a training: `n`, `weights`, `restarts`, `average`, `worst`, with
            one number per member, as in `core.events.Restarts`; empty for stages that train one network.
        harm: codes of the warnings that the network is not to be used (`core.events.SERIOUS`).
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
    harm: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        known = _known(cls, value)
        if as_file_name(known["name"]) != known["name"]:  # it is the name of a folder, too
            raise ValueError(f"{known['name']!r} is not the name of a stage")
        _check_results(known)
        return cls(**known | {"harm": tuple(known.get("harm", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: settings, process and progress. Times are seconds since 1970.

    Attributes:
        device: such as `cpu` or `cuda:0`; empty before it starts.
        precision: what `compute.precision=auto` has chosen; empty before, and with any other setting.
        fingerprint: of the data from which its results so far are; empty before, and in older versions.
        selection: rule that selects the checkpoint on the validation split.
        attributes_used: split whose attributes are used in training or selection.
        overrides: dotted key → value, if it differs from the preset.
        seconds: total work in earlier sessions; `worked` adds the current one.
        working_since: start of the current session; None if no process works on it.
        pid_started: start of the process in seconds since its machine was booted, to detect reused ids; older versions
            wrote seconds since 1970.
        launcher: started the run and can stop and kill it; older versions did not write it.
        job: id of the run in the launcher, such as a job number in a queue; empty if there is none.
        resources: what it asked of its launcher, as `experiments.resources.Resources`.
        identity: hash of the settings that decide its results, the same for equal runs; empty in older versions.
        reason: why it failed.
        forked_from: `RUN:STAGE` from whose artifacts it starts.
        loggers: logger (`--log`) → folder of the user for its files, absolute; empty for the folder of the run.
    """

    id: str
    name: str
    recipe: str
    data: str
    status: RunStatus = "queued"
    preset: str | None = None
    seed: int = 0
    device: str = ""
    precision: str = ""
    fingerprint: str = ""
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
    resources: Mapping[str, Any] = field(default_factory=dict)
    identity: str = ""
    reason: str = ""
    forked_from: str | None = None
    loggers: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON object, as in run.json and `prusc show --json`."""
        value = {f.name: getattr(self, f.name) for f in fields(self)}
        return value | {"tags": list(self.tags), "stages": [stage.to_json() for stage in self.stages]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`; unknown keys are ignored, missing ones get their defaults.

        Raises KeyError, TypeError, ValueError or AttributeError if the value is not a run.
        """
        known = _known(cls, value)
        checked_id(known["id"])
        known["tags"] = tuple(known.get("tags", ()))
        known["stages"] = tuple(StageRecord.from_json(stage) for stage in value.get("stages", ()))
        return cls(**known)

    @property
    def in_hand(self) -> bool:
        """Whether a process works on the run or a queue has its job; a queued run may have neither."""
        return self.status in ACTIVE and (self.pid is not None or bool(self.job))

    @property
    def unfinished(self) -> str | None:
        """Name of the first stage that is not done."""
        return next((stage.name for stage in self.stages if stage.status != "done"), None)

    def stage(self, name: str) -> StageRecord:
        """The stage with this name; raises ValueError if there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise ValueError(f"run {self.id} has no stage {name!r}")

    def final_evaluation(self, split: str) -> Mapping[str, Any] | None:
        """Final evaluation on `split` of the last stage that has one, as `Evaluation.to_json`, or None."""
        return next((s.evaluations[split] for s in reversed(self.stages) if split in s.evaluations), None)

    @property
    def harm(self) -> tuple[str, ...]:
        """Codes of the warnings that the network of the last evaluated stage is not to be used."""
        return next((stage.harm for stage in reversed(self.stages) if stage.evaluations), ())

    def summary(self) -> dict[str, Any]:
        """Return the small document for the index.

        `wga` and `average` are of the test split, or of the validation split if the test split was not evaluated;
        `wga_split` says which. `stage` is the running stage, or else the last completed one.
        """
        split = next((s for s in ("test", "validation") if self.final_evaluation(s) is not None), None)
        evaluation = self.final_evaluation(split) if split else None
        ratios = [stage.keep_ratio for stage in self.stages if stage.keep_ratio is not None]
        running = [stage.name for stage in self.stages if stage.status == "running"]
        done = [stage.name for stage in self.stages if stage.status == "done"]
        return {
            **{name: getattr(self, name) for name in INDEXED},
            "tags": list(self.tags),
            "wga": evaluation["worst_group"]["accuracy"] if evaluation else None,
            "wga_split": split,
            "average": evaluation["average"] if evaluation else None,
            "keep_ratio": ratios[-1] if ratios else None,
            "harm": list(self.harm),
            "stage": running[0] if running else done[-1] if done else None,
            "stage_keys": {stage.name: stage.key for stage in self.stages if stage.status == "done" and stage.key},
        }


def worked(run: Mapping[str, Any], now: float) -> float:
    """Seconds of work, up to `now` for a running run, given as `RunRecord.summary` or `RunRecord.to_json`."""
    since = run.get("working_since") if run["status"] == "running" else None
    seconds: float = run["seconds"]
    return seconds if since is None else seconds + max(0.0, now - since)


def new_id() -> str:
    """Return a random run id, independent of any seed: eight lower-case characters without look-alikes."""
    number = int.from_bytes(os.urandom(16))
    letters = []
    for _ in range(8):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(letters)


class InvalidIdError(ValueError):
    """A text is not a valid run id; ids become paths, so they must be safe."""


def checked_id(id: str) -> str:
    """Return the id; raises InvalidIdError unless it consists of lower-case letters and digits."""
    if not (id.isascii() and id.isalnum() and id == id.lower()):
        raise InvalidIdError(f"{id!r} is not a run id")
    return id


def number_of(id: str) -> int:
    """TinyDB's document id of a run: its id in base 36, after a 1 that preserves leading zeros."""
    return int(f"1{checked_id(id)}", 36)


def _check_results(stage: Mapping[str, Any]) -> None:
    """Check the results of a stage; raises KeyError, TypeError or ValueError if they cannot be shown."""
    for split, told in stage.get("evaluations", {}).items():
        Evaluation.from_json(split, told)
        for share in (told["average"], told["worst_group"]["accuracy"]):
            if not isinstance(share, int | float | None):
                raise TypeError(f"{share!r} is not an accuracy")
    events: list[tuple[type[Event], Mapping[str, Any]]] = [
        (Restarts, {**columns, "split": split}) for split, columns in stage.get("restarts", {}).items()
    ]
    if stage.get("selection") is not None:
        events.append((Selected, stage["selection"]))
    for kind, told in events:
        value = {"step": 0, "rule": "", **told, "stage": stage["name"]}
        if misfit(kind, value, nan=True) is not None or not kind.from_fields(value).whole:
            raise ValueError(f"stage {stage['name']} has damaged results ({kind.kind})")


def _known(cls: type[StageRecord] | type[RunRecord], value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a JSON object that are known; raises TypeError if one is not of the kind that is declared."""
    if (wrong := misfit(cls, value)) is not None:
        raise TypeError(f"{wrong} is {value[wrong]!r}")
    names = {f.name for f in fields(cls)}
    return {key: item for key, item in value.items() if key in names}
