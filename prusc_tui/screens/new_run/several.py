"""Fields with several values, which make a sweep of the run."""

import orjson

from core.errors import InputError
from experiments.space import read_seeds
from prusc_tui.schema import Setting, override_of

SEPARATOR = "|"
"""Between the values of a field."""
SEED = "seed"


def variants(setting: Setting, text: str) -> tuple[str, ...]:
    """The values of a field: one, or several as in `0.05|0.1`; for the seed also as in `0-4` or `0,2,5`.

    Raises InputError if one comes twice, or the seeds are not numbers.
    """
    text = text.strip()
    if setting.key == SEED and any(sign in text[1:] for sign in "-,"):
        try:
            return tuple(map(str, read_seeds(text)))
        except InputError as error:
            raise InputError(str(error).removeprefix(f"--seeds {text}: ")) from None
    found = [word for word in map(str.strip, text.split(SEPARATOR)) if word]
    for number, word in enumerate(found):
        if word in found[:number]:
            raise InputError(f"{word} comes twice")
    return tuple(found) or (text,)


def seed_words(text: str) -> str:
    """Several seeds as `--seeds` takes them."""
    return ",".join(text.replace(SEPARATOR, " ").replace(",", " ").split())


def grid_of(setting: Setting, values: tuple[str, ...]) -> str:
    """The values as `--grid` takes them after `KEY=`."""
    words = [override_of(setting, value).partition("=")[2] for value in values]
    if setting.kind == "text" and any("," in word for word in words):
        words = [orjson.dumps(word).decode() for word in words]
    return ",".join(words)
