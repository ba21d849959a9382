"""When two runs are the same: a hash of their settings (no torch)."""

import hashlib

import orjson

from core.config import Config


def identity(config: Config) -> str:
    """Hash of all settings: 16 hexadecimal digits.

    Settings at their defaults do not count, so that a setting that a later version adds changes no identity.
    """
    settings = config.model_dump(mode="json", exclude_defaults=True)
    always = {"recipe": config.recipe, "data.name": config.data.name, "seed": config.seed}
    return hashlib.sha256(orjson.dumps([always, settings], option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
