"""Which data sets there are, read from the config model, and words about one (no torch)."""

from collections.abc import Mapping
from typing import Any


def data_sets() -> dict[str, str]:
    """Name of every data set → what it is, in one line."""
    return {name: kind.__doc__.splitlines()[0].replace("`", "") for name, kind in kinds().items()}


def kinds() -> dict[str, Any]:
    """Name of every data set → class of its settings."""
    from typing import get_args

    from core.config import Data

    return {kind.model_fields["name"].default: kind for kind in get_args(get_args(Data)[0])}


def lacking(name: str) -> str:
    """What a person has to say before a data set, or that of a preset, can be read; empty where nothing is missing."""
    from core.config import Photos
    from core.errors import InputError
    from core.overrides import validate
    from experiments.catalog import get_preset, preset_names

    try:
        data = get_preset(name).settings["data"] if name in preset_names() else {"name": name}
        settings = validate({"data": data}, name).data
    except InputError:
        return ""  # whoever reads it says what is wrong with it
    return settings.lacking if isinstance(settings, Photos) else ""


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
