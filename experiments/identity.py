"""When two runs are the same: a hash of their settings (no torch)."""

import hashlib

import orjson

from core.config import Config
from core.config.renamed import BEFORE
from experiments.recipes import get_recipe


def identity(config: Config) -> str:
    """Hash of all settings: 16 hexadecimal digits.

    Settings at their defaults do not count, so that a setting that a later version adds changes no identity. Those that
    change results by default do: a run of the version before is not the same.
    """
    settings, recipe = config.model_dump(mode="json", exclude_defaults=True), get_recipe(config.recipe)
    always: dict[str, object] = {"recipe": config.recipe, "data.name": config.data.name, "seed": config.seed}
    for key in BEFORE:
        section, _, name = key.partition(".")
        settings.get(section, {}).pop(name, None)
        if recipe.reads(config, key):
            always[key] = getattr(getattr(config, section), name)
    settings = {name: value for name, value in settings.items() if value != {}}
    return hashlib.sha256(orjson.dumps([always, settings], option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
