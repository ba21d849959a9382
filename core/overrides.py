"""Make a Config from TOML files and `a.b=c` overrides, with one clear sentence per error (no torch)."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.config import Config, DataSettings, config_model, data_sets
from core.config.data import DEFAULT
from core.config.renamed import migrated
from core.errors import InputError, nearest


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file as nested settings; InputError has file, line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not valid TOML: {error}") from None


def parse_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Parse `a.b=c` texts to nested settings; a value is parsed as TOML if possible, else it is plain text."""
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, word = text.partition("=")
        parts = [part.strip() for part in key.split(".")]
        if not equals or not all(parts):
            raise InputError(f"--set {text}: expected KEY=VALUE with a dotted key, such as prune.lr=0.05")
        merge(settings, nest(parts, _value(word.strip())))
    return settings


def nest(parts: Sequence[str], value: Any) -> dict[str, Any]:
    """Return `{a: {b: value}}` for parts `[a, b]`."""
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `over` into `base`, section by section, in place; return `base`."""
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = merge({}, value) if isinstance(value, Mapping) else value
    return base


def validate(settings: Mapping[str, Any], source: str) -> Config:
    """Make a Config of nested settings; missing settings get their defaults.

    Raises InputError, which begins with `source`, if a key is unknown (with the closest known one) or a value is
    invalid.
    """
    given = migrated(settings)
    if isinstance(given.get("data"), dict):
        given["data"] = {"name": DEFAULT, **given["data"]}
    try:
        return config_model().model_validate(given)
    except ValidationError as error:
        raise InputError(f"{source}: {_sentence(error.errors())}") from None


def _value(word: str) -> Any:
    try:
        read = tomllib.loads(f"value = {word}")
    except tomllib.TOMLDecodeError:
        return word
    return read["value"] if len(read) == 1 else word  # a line break can smuggle in a second key


def _sentence(errors: Sequence[ErrorDetails]) -> str:
    first = errors[0]
    key = _key(first)
    if first["type"] == "extra_forbidden":
        known = list(_known_keys(config_model()))
        if key in known:
            return f"key '{key}' does not exist for data.name={first['loc'][1]}"
        return f"unknown key '{key}'{nearest(key, known)}"
    if first["type"] == "union_tag_invalid":
        names = str(first["ctx"]["expected_tags"]).replace("'", "").split(", ")
        word = str(first["ctx"]["tag"])
        return f"unknown data set '{word}'{nearest(word, names)} (known: {', '.join(names)})"
    if first["type"] == "value_error":
        message = first["msg"].removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    # A setting of a union type has one error per type.
    messages = dict.fromkeys(e["msg"][0].lower() + e["msg"][1:] for e in errors if _key(e) == key)
    return f"{key} = {first['input']!r}: {', or '.join(messages)}"


def _key(error: ErrorDetails) -> str:
    """Dotted key of the setting, without the type names that pydantic inserts."""
    parts = [part for part in error["loc"] if isinstance(part, str)]
    if parts[:1] == ["data"] and len(parts) > 1:
        del parts[1]  # the tag that pydantic adds for the data set's name
    types = ("int", "float", "str", "constrained-int", "constrained-float")
    return ".".join(p for p in parts if p not in types and not p.startswith(("function-", "literal[", "tuple[")))


def _known_keys(model: type[BaseModel], prefix: str = "") -> Iterable[str]:
    for name, info in model.model_fields.items():
        yield f"{prefix}{name}"
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for section in data_sets().values() if kind is DataSettings else (kind,):
                yield from _known_keys(section, f"{prefix}{name}.")
