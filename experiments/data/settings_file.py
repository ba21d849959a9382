"""The settings file of a data set in a folder: proposed, written beside the images, read by `--data FOLDER` (no torch).

It names a preset for the network and its training, has a section `[data]`, and may have any other section of settings.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.paths import expanded

if TYPE_CHECKING:
    from core.data.dataset import Integers
    from core.data.folder_look import FolderLook
    from core.data.proposal import Answers, Proposal, Seen
    from core.data.table import ImageTable

NAME = "prusc.toml"
"""Name of the file in the folder of the data set."""
PRESET = "waterbirds-mobilenet"
"""Preset whose network and training are used by default: measured on photographs, and fast enough without a GPU."""


def file_of(name: str) -> Path | None:
    """The settings file for a folder, or for a path of such a file; None if `name` is neither.

    Raises InputError if it is a path, but there is no such file.
    """
    path = expanded(name)
    if path.is_dir():
        if not (path / NAME).is_file():
            words = f"prusc data init --data-root {shlex.quote(str(path))}"
            raise InputError(f"{path}: there is no {NAME}; write it with: {words}")
        return path / NAME
    if "/" in name or path.suffix == ".toml":
        if not path.is_file():
            raise InputError(f"{name}: no such file or folder")
        return path
    return None


def read(path: Path) -> dict[str, Any]:
    """Settings of a file on top of those of its preset; the folder of the images is that of the file if none is given.

    Raises InputError if it is not valid TOML, or a setting is unknown or does not fit.
    """
    from core.overrides import merge, read_toml, validate
    from experiments.catalog import get_preset

    own = read_toml(path)
    preset = own.pop("preset", None)
    if not isinstance(own.get("data"), dict):
        raise InputError(f"{path}: has no section [data]; write it again with: prusc data init --overwrite")
    own["data"]["root"] = str((path.parent / own["data"].get("root", "")).absolute())
    whole = {"recipe": "prusc"} | ({} if preset is None else dict(get_preset(preset).settings))
    if isinstance(sizes := whole.pop("data", None), dict):
        own["data"] = {key: sizes[key] for key in ("size", "stored") if key in sizes} | own["data"]
    merge(whole, own)
    validate({key: value for key, value in whole.items() if key != "recipe"}, str(path))
    return whole


def propose(look: "FolderLook", answers: "Answers") -> "Proposal":
    """Propose how to read a folder; without answers, a published layout is recognised.

    Raises InputError if the folder does not fit, or an answer does not.
    """
    return (None if answers else _published(look.root)) or look.propose(answers)


def lacks_file(name: str) -> bool:
    """Whether a name is that of a folder without a settings file."""
    path = expanded(name)
    return path.is_dir() and not (path / NAME).is_file()


def guessed(name: str) -> dict[str, Any]:
    """Settings of the data in a folder as they are proposed; raises InputError if the folder does not fit."""
    from core.data.folder_look import FolderLook

    folder = expanded(name).absolute()
    return {**propose(FolderLook(folder), {}).settings, "root": str(folder)}


def table_of(proposal: "Proposal", root: Path) -> "ImageTable":
    """Read the table as proposed; raises InputError if a row does not fit."""
    from core.data.settings import Photos
    from core.data.table import read_table
    from core.overrides import validate

    settings = validate({"data": {**proposal.settings, "root": str(root)}}, "prusc data init").data
    assert isinstance(settings, Photos)
    return read_table(settings)


def text_of(settings: Mapping[str, Any], preset: str, root: Path | None) -> str:
    """Text of a settings file; `root` is the folder of the images, None for that of the file.

    Raises InputError if there is no such preset.
    """
    import orjson

    from experiments.catalog import get_preset

    sizes = get_preset(preset).settings["data"]
    values = {"name": settings["name"], **({} if root is None else {"root": str(root)}), **settings}
    values |= {key: sizes[key] for key in ("size", "stored") if key in sizes}
    lines = [
        "# How the images in this folder are read; written by 'prusc data init', and yours to edit.",
        "# Settings: prusc recipes show prusc. A run: prusc run prusc --data FOLDER",
        f'preset = "{preset}"  # network and training',
        "",
        "[data]",
    ]
    lines += [f"{key} = {orjson.dumps(value).decode()}" for key, value in values.items()]
    return "\n".join(lines).replace("\x7f", "\\u007f") + "\n"


def _published(root: Path) -> "Proposal | None":
    """The proposal for a folder in the layout of a published data set; None for any other folder."""
    from core.config import data_sets
    from core.data.proposal import Proposal
    from core.data.sets.folder import Folder
    from core.data.settings import Photos
    from core.data.table import read_table

    for name, kind in data_sets().items():
        if issubclass(kind, Photos) and kind is not Folder:
            try:
                table = read_table(kind(root=str(root)))
            except InputError:
                continue
            seen = [_seen("label", "label", table.labels, table.label_names)]
            for (attribute, names), codes in zip(table.attribute_values.items(), table.attributes.T, strict=True):
                seen.append(_seen("attribute", attribute, codes, names))
            notes = (f"has the layout of {name}", *table.notes)
            return Proposal(table.file, len(table), {"name": name}, tuple(seen), notes)
    return None


def _seen(role: str, column: str, codes: "Integers", names: Sequence[str]) -> "Seen":
    import numpy as np

    from core.data.proposal import Seen

    return Seen(role, column, dict(zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True)))
