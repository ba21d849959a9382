"""The data sets, the settings of a named one, and facts about it in words (no torch)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.config import DataSettings


def data_sets() -> dict[str, str]:
    """Name of every data set → description in one line."""
    from core.config import data_sets

    return {name: str(kind.__doc__).splitlines()[0].replace("`", "") for name, kind in data_sets().items()}


def resolve(
    name: str,
    overrides: Sequence[str] = (),
    root: str | None = None,
    *,
    source: str = "--set",
    sizes: Mapping[str, int] | None = None,
    guess: bool = False,
) -> "DataSettings":
    """Settings of a data set, of the data of a preset, or of a folder with a settings file.

    `overrides` are `data.key=value`, and `root` is an existing folder. `source` says in messages who asks; `sizes` are
    defaults for images in a folder, such as the `size` that a network takes. With `guess`, the settings of a folder
    without a settings file are those that are proposed for it. Raises InputError for an unknown name, an unknown or
    unfit setting, or a folder for bundled data.
    """
    from core.data.settings import Photos
    from core.errors import InputError
    from core.overrides import merge, parse_overrides, validate

    given = parse_overrides(overrides)
    if foreign := [key for key in given if key != "data"]:
        raise InputError(f"--set {foreign[0]}: not a setting of a data set; those begin with 'data.'")
    whole = _named(name, guess=guess)
    if sizes and isinstance(validate(whole, source).data, Photos):
        merge(whole, {"data": sizes})
    settings = validate(merge(whole, given), source).data
    if root is None:
        return settings
    if not isinstance(settings, Photos):
        raise InputError(f"--data-root: data set '{settings.name}' is bundled and needs no folder (see: prusc data ls)")
    return settings.model_copy(update={"root": root})


def missing(name: str) -> str:
    """What the user still has to give for a data set, or for that of a preset, to be read; empty if nothing."""
    from core.errors import InputError

    try:
        return resolve(name).missing
    except InputError:
        return ""  # reported when it is read


def _named(name: str, *, guess: bool) -> dict[str, Any]:
    from experiments.catalog import data_names, get_preset, preset_names
    from experiments.data import settings_file

    if name in preset_names():
        return {"data": dict(get_preset(name).settings["data"])}
    if guess and is_unwritten(name):
        return {"data": settings_file.guessed(name)}
    if name not in data_names() and (file := settings_file.file_of(name)) is not None:
        return {"data": settings_file.read(file)["data"]}
    return {"data": {"name": name}}


def is_unwritten(name: str) -> bool:
    """Whether a name is that of a folder without a settings file."""
    from experiments.catalog import data_names, preset_names
    from experiments.data import settings_file

    return name not in (*preset_names(), *data_names()) and settings_file.lacks_file(name)


def colours_gone(settings: Mapping[str, Any]) -> str:
    """Note on images whose colours were removed; empty for others."""
    return ", colours merged into one channel" if settings.get("grey") else ""


def facts_of(about: Mapping[str, Any]) -> dict[str, str]:
    """Further facts about a data set, in order; `about` is the object of `prusc data show --json`."""
    settings = about["settings"]
    facts = {}
    if "label_noise" in settings:
        facts["label noise"] = f"{settings['label_noise']:.1%}" if settings["label_noise"] else "none"
    if "evaluation" in settings:
        facts["validation and test"] = settings["evaluation"]
    if "root" in settings:
        facts["folder"] = settings["root"]
        facts["table"] = f"{about['table']['file'] or 'folders named by class'}, {about['table']['rows']:,} rows"
        if about["table"]["notes"]:
            facts["noted"] = "; ".join(about["table"]["notes"])
        facts["kept as"] = f"{settings['stored']} × {settings['stored']}"
    if "seed" in settings and not settings.get("split_column"):
        facts["seed"] = str(settings["seed"])
    if about["fingerprint"]:
        facts["fingerprint"] = about["fingerprint"]
    return facts


def published(found: int, expected: int | None) -> str:
    """Mark a count as published, or give the published one if it differs; empty if none is known."""
    if expected is None:
        return ""
    return "✓ as published" if found == expected else f"≠ {expected:,} published"
