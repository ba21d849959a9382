"""What can be run, by name: presets, studies and data sets (no torch). Recipes are in `experiments.recipes`."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from core.config import data_sets
from core.errors import InputError, nearest
from core.overrides import read_toml
from experiments.data import settings_file
from experiments.study import Study, read_study

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


def preset_names() -> list[str]:
    """Names of the presets, in alphabetical order."""
    return sorted(path.stem for path in _folder("presets").glob("*.toml"))


def get_preset(name: str) -> Preset:
    """Read the preset called `name`, or the settings file of a folder (`experiments.data.settings_file`).

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name not in preset_names():
        if (file := settings_file.file_of(name)) is not None:
            return Preset(name, f"images in {file.parent}", settings_file.read(file))
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
    if settings_file.file_of(name) is not None:
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
    return read_study(name, read_toml(_folder("studies") / f"{name}.toml"), f"study {name}")


def _folder(name: str) -> Path:
    return Path(str(resources.files("experiments") / name))
