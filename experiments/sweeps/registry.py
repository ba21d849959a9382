"""The sweeps of a home: what each runs and how its runs are started, one file for each (no torch)."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import orjson

from core.errors import InputError, nearest
from core.paths import SHOWN
from core.runs.disk import locked, replace_file
from core.runs.home import Home
from core.runs.text import safe_text
from experiments.catalog import get_study, study_names
from experiments.resources import ANY, Resources
from experiments.space import Point
from experiments.study import Study, read_study
from experiments.tasks import Task, plan_study

LONGEST = 200
"""Bytes of a name, which is that of a file, too."""


@dataclass(frozen=True)
class Sweep:
    """A study in a home, and how its runs are started.

    Attributes:
        study: what is run.
        launcher: that makes its runs.
        device: of the runs.
        resources: of each run.
        log: loggers of each run, `NAME` or `NAME:FOLDER`.
        hopeless: identities of runs that were stopped because others were better; they are not started again.
        created: in seconds since 1970.
    """

    study: Study
    launcher: str = "queue"
    device: str = "auto"
    resources: Resources = ANY
    log: tuple[str, ...] = ()
    hopeless: tuple[str, ...] = ()
    created: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """Name of the sweep, and tag of the runs that it made."""
        return self.study.name

    @cached_property
    def tasks(self) -> list[Task]:
        """Every planned run; raises InputError if a key or value is unknown or does not fit one of them."""
        return plan_study(self.study)


def names(home: Home) -> list[str]:
    """Names of the sweeps in a home, newest first."""
    files = [(path.stat().st_mtime, path.stem) for path in _folder(home).glob("*.json")]
    return [name for _, name in sorted(files, reverse=True)]


def get(home: Home, name: str) -> Sweep:
    """Read the sweep called `name`; raises InputError, which names the nearest, if there is none."""
    path = _folder(home) / f"{name}.json"
    if name not in names(home):
        raise InputError(f"no sweep '{safe_text(name)}'{nearest(name, names(home))} (see: prusc sweeps ls)")
    try:
        value = orjson.loads(path.read_bytes())
        study = read_study(name, value["study"], str(path))
        resources = Resources.from_json(value["resources"])
        return Sweep(
            study,
            value["launcher"],
            value["device"],
            resources,
            tuple(value.get("log", ())),
            tuple(value.get("hopeless", ())),
            value["created"],
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: is not a sweep; delete it, the runs are kept") from None


def check_name(sweep: Sweep) -> None:
    """Raise InputError if the name of a sweep is that of another study, or cannot be the name of a file."""
    name = sweep.name
    if safe_text(name) != name or "/" in name or name.startswith(".") or not name.strip():
        raise InputError(f"a sweep cannot be named '{safe_text(name)}'; use letters, digits and signs other than /")
    if len(name.encode()) > LONGEST:
        raise InputError(f"a sweep cannot be named '{name[:SHOWN]}…', as that is too long; choose another with --name")
    if name in study_names() and get_study(name) != sweep.study:
        raise InputError(f"a sweep cannot be named '{name}', as a study has this name; choose another with --name")


def keep(home: Home, sweep: Sweep) -> Sweep:
    """Keep a sweep under its name, and return it; one with the same runs and this name takes the new way to start them.

    The points that its search has drawn so far, and what was hopeless, are kept. Raises InputError if the name is taken
    by another sweep or a study, or cannot be one.
    """
    check_name(sweep)
    name = sweep.name
    with changing(home):
        if name in names(home):
            before = get(home, name)
            if _plan_of(before.study) != _plan_of(sweep.study):
                raise InputError(f"a sweep named '{name}' with other runs exists; choose another name with --name")
            sweep = replace(sweep, study=before.study, hopeless=before.hopeless)
        _write(home, sweep)
    return sweep


def grow(home: Home, sweep: Sweep, *, drawn: Sequence[Point] = (), hopeless: Sequence[str] = ()) -> Sweep:
    """Add points that a search has drawn, and runs that are hopeless; return the sweep as it is now.

    Other processes may continue the sweep too: what they have added is kept, and a point of theirs takes the place of
    one that was drawn from the same results. Raises InputError if the sweep was deleted meanwhile.
    """
    with changing(home):
        now = get(home, sweep.name)
        theirs = now.study.drawn[len(sweep.study.drawn) :]
        points = (*now.study.drawn, *drawn[len(theirs) :])
        now = replace(
            now,
            study=replace(now.study, drawn=points),
            hopeless=tuple(dict.fromkeys((*now.hopeless, *hopeless))),
        )
        _write(home, now)
    return now


def changing(home: Home) -> AbstractContextManager[None]:
    """Hold the lock of what is kept of all sweeps."""
    return locked(home.locks / "sweeps.lock", "the list of sweeps")


def free_name(home: Home, study: Study) -> str:
    """The name of the sweep with the same runs as a study, else its own name, with a number if another one has it."""
    taken = [*names(home), *(name for name in study_names() if get_study(name) != study)]
    for number in range(1, len(taken) + 2):
        name = study.name if number == 1 else f"{study.name}-{number}"
        if name not in taken:
            return name
        if name in names(home) and _plan_of(get(home, name).study) == _plan_of(study.renamed(name)):
            return name
    raise AssertionError("one of the names is free")


def remove(home: Home, sweep: Sweep) -> None:
    """Remove what is kept of a sweep; its runs stay."""
    (_folder(home) / f"{sweep.name}.json").unlink(missing_ok=True)
    end_of(home, sweep).unlink(missing_ok=True)


def end_of(home: Home, sweep: Sweep) -> Path:
    """File with what the runs of a sweep were at its last end that was noticed."""
    return _folder(home) / f"{sweep.name}.ended"


def _write(home: Home, sweep: Sweep) -> None:
    _folder(home).mkdir(parents=True, exist_ok=True)
    value = {
        "study": sweep.study.to_values(),
        "launcher": sweep.launcher,
        "device": sweep.device,
        "resources": sweep.resources.to_json(),
        "log": list(sweep.log),
        "hopeless": list(sweep.hopeless),
        "created": sweep.created,
    }
    replace_file(_folder(home) / f"{sweep.name}.json", orjson.dumps(value, option=orjson.OPT_INDENT_2))


def _plan_of(study: Study) -> Study:
    """The study without what a search has found."""
    return replace(study, drawn=())


def _folder(home: Home) -> Path:
    return home.root / "sweeps"
