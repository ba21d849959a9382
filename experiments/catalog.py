"""What can be run, by name: presets, studies and data sets (no torch). Recipes are in `experiments.recipes`."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from core.config import data_sets, flatten
from core.errors import InputError, nearest
from core.overrides import read_toml
from experiments import data_file

DEFAULT = "demo"
"""The preset that runs by default."""


@dataclass(frozen=True)
class Preset:
    """A recipe with the data and the values that differ from the defaults.

    Attributes:
        name: as typed after `prusc run`.
        summary: one line.
        settings: nested settings, `recipe` among them.
    """

    name: str
    summary: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """Recipes × presets × seeds.

    Attributes:
        name: as typed after `prusc run`.
        summary: one line.
        recipes: in the order of runs and of table rows; recipes whose stages others reuse come first. `RECIPE@FINDER`
            is a recipe with another finder.
        presets: data and values; all recipes run on the first preset, then on the next.
        settings: dotted key → value, applied to every preset.
        of: entry of `recipes` → further settings for its runs only; `recipe` there names the recipe of an entry that is
            a name of its own.
        table: name for `prusc table`; None if no table shows its runs.
        seeds: of the runs; each has its own draw of bundled data.
        against: entry that the table compares with every other one, seed by seed; empty for none.
    """

    name: str
    summary: str
    recipes: tuple[str, ...]
    presets: tuple[str, ...]
    settings: Mapping[str, Any]
    of: Mapping[str, Mapping[str, Any]]
    table: str | None
    seeds: tuple[int, ...] = (0,)
    against: str = ""

    def short(self, preset: str) -> str:
        """Name of a preset without the prefix that all presets of the study share."""
        words = [name.split("-") for name in self.presets]
        shared = 0
        while len(words) > 1 and len({tuple(name[: shared + 1]) for name in words}) == 1:
            shared += 1
        return "-".join(preset.split("-")[shared:]) or preset


def preset_names() -> list[str]:
    """Names of the presets, in alphabetical order."""
    return sorted(path.stem for path in _folder("presets").glob("*.toml"))


def get_preset(name: str) -> Preset:
    """Read the preset called `name`, or the settings file of a folder (`experiments.data_file`).

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name not in preset_names():
        if (file := data_file.file_of(name)) is not None:
            return Preset(name, f"images in {file.parent}", data_file.read(file))
        raise InputError(f"unknown preset '{name}'{nearest(name, preset_names())} (see: prusc recipes)")
    settings = read_toml(_folder("presets") / f"{name}.toml")
    return Preset(name, settings.pop("summary"), settings)


def data_names() -> list[str]:
    """Names of the data sets."""
    return list(data_sets())


def preset_or_data(name: str) -> Preset:
    """Return the preset called `name`, or the data set of that name with its defaults, as a preset without a name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name in preset_names():
        return get_preset(name)
    if name in data_names():
        return Preset("", "", {"data": {"name": name}})
    if data_file.file_of(name) is not None:
        return get_preset(name)
    known = list(dict.fromkeys([*preset_names(), *data_names()]))
    raise InputError(f"--data {name}: no preset or data set '{name}'{nearest(name, known)} (see: prusc data ls)")


def study_names() -> list[str]:
    """Names of the studies, in alphabetical order."""
    return sorted(path.stem for path in _folder("studies").glob("*.toml"))


def get_study(name: str) -> Study:
    """Read the study called `name`.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name not in study_names():
        raise InputError(f"unknown study '{name}'{nearest(name, study_names())} (see: prusc recipes)")
    values = read_toml(_folder("studies") / f"{name}.toml")
    return Study(
        name=name,
        summary=values["summary"],
        recipes=tuple(values["recipes"]),
        presets=tuple(values["presets"]),
        settings=dict(flatten(values.get("settings", {}))),
        of={recipe: dict(flatten(settings)) for recipe, settings in values.get("of", {}).items()},
        table=values.get("table"),
        seeds=tuple(values.get("seeds", (0,))),
        against=values.get("against", ""),
    )


def _folder(name: str) -> Path:
    return Path(str(resources.files("experiments") / name))
