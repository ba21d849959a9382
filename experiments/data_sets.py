"""Which data sets there are, the settings of one that a person names, and words about it (no torch)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.config import DataSettings


def data_sets() -> dict[str, str]:
    """Name of every data set → what it is, in one line."""
    from core.config import data_sets

    return {name: str(kind.__doc__).splitlines()[0].replace("`", "") for name, kind in data_sets().items()}


def resolve(
    name: str,
    overrides: Sequence[str] = (),
    root: str | None = None,
    *,
    source: str = "--set",
    sizes: Mapping[str, int] | None = None,
) -> "DataSettings":
    """Settings of a data set, or of the data of a preset.

    Args:
        name: of the data set or of the preset.
        overrides: texts `data.key=value`.
        root: folder of the data set, which is there; None for that of the settings.
        source: what asks, for the sentence of an error.
        sizes: settings of images in a folder where the person gives none, such as the `size` that a network takes.

    Raises:
        InputError: no data set or preset of that name, a setting that it does not have or that does not fit, or a
            folder for data that is in none.
    """
    from core.data.settings import Photos
    from core.errors import InputError
    from core.overrides import merge, parse_overrides, validate

    given = parse_overrides(overrides)
    if foreign := [key for key in given if key != "data"]:
        raise InputError(f"--set {foreign[0]}: no setting of a data set; they begin with 'data.'")
    whole = _named(name)
    if sizes and isinstance(validate(whole, source).data, Photos):
        merge(whole, {"data": sizes})
    settings = validate(merge(whole, given), source).data
    if root is None:
        return settings
    if not isinstance(settings, Photos):
        raise InputError(
            f"--data-root: data set '{settings.name}' is bundled and lies in no folder (see: prusc data ls)"
        )
    return settings.model_copy(update={"root": root})


def missing(name: str) -> str:
    """What a person has to say before a data set, or that of a preset, can be read; empty where nothing is missing."""
    from core.errors import InputError

    try:
        return resolve(name).missing
    except InputError:
        return ""  # whoever reads it says what is wrong with it


def _named(name: str) -> dict[str, Any]:
    from experiments.catalog import get_preset, preset_names

    return {"data": dict(get_preset(name).settings["data"]) if name in preset_names() else {"name": name}}


def colours_gone(settings: Mapping[str, Any]) -> str:
    """What to add about images whose colours were taken out by hand; empty for others."""
    return ", colours put into one" if settings.get("grey") else ""


def facts_of(about: Mapping[str, Any]) -> dict[str, str]:
    """What else there is to say of a data set, in this order; `about` is what `prusc data show --json` prints."""
    settings = about["settings"]
    facts = {}
    if "label_noise" in settings:
        facts["label noise"] = f"{settings['label_noise']:.1%}" if settings["label_noise"] else "none"
    if "evaluation" in settings:
        facts["validation and test"] = settings["evaluation"]
    if "root" in settings:
        facts["folder"] = settings["root"]
        facts["table"] = f"{about['table']['file']}, {about['table']['rows']:,} rows"
        facts["kept as"] = f"{settings['stored']} × {settings['stored']}"
    if "seed" in settings and not settings.get("split_column"):
        facts["seed"] = str(settings["seed"])
    if about["fingerprint"]:
        facts["fingerprint"] = about["fingerprint"]
    return facts


def published(found: int, expected: int | None) -> str:
    """Mark whether a count is the published one, and that one where it is not; empty where none is known."""
    if expected is None:
        return ""
    return "✓ as published" if found == expected else f"≠ {expected:,} published"
