"""The settings of the config model, read from it: kind, valid values, unit and help (no torch)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from core.results.settings import show

if TYPE_CHECKING:
    from core.config import Section

Kind = Literal["whole", "number", "choice", "switch", "text", "list"]
Arm = tuple[Any, tuple[Any, ...]]
"""One of the types of a setting, with its bounds."""

_PLAIN: dict[Any, tuple[Kind, str, str]] = {
    bool: ("switch", "on or off", ""),
    int: ("whole", "a whole number", "whole numbers"),
    float: ("number", "a number", "numbers"),
    str: ("text", "a name", "names"),
}
"""Type → kind of a setting, one value in words, several in words."""
_UNITS = {"Images": "images", "Passes": "epochs", "Epochs": "epochs", "Steps": "steps", "Share": "share"}
_PATHS = re.compile(r"^(?:File|Folder|Table)\b|\ba file\b")
"""Matches the description of a setting that is a path."""
_NO_BOUND = 2**62
"""Larger bounds are those of the machine, and not shown."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting without its value.

    Attributes:
        key: dotted, as after `--set`; a plain word if it is not part of the config model.
        kind: type of its value.
        help: description.
        unit: such as `epochs`; empty if the description names none.
        choices: all values of a choice, or words allowed instead of a number.
        expects: valid values, such as `a number 0 … 1`.
    """

    key: str
    kind: Kind
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    expects: str = ""

    @property
    def section(self) -> str:
        """First part of the key; empty for a key without a section."""
        return self.key.partition(".")[0] if "." in self.key else ""

    @property
    def name(self) -> str:
        """The key without its section."""
        return self.key.rpartition(".")[2]


def settings_of(data: "type[Section]") -> tuple[Setting, ...]:
    """All settings in the order of the config model; `data` is the model of its section of that name."""
    from core.config import config_model

    sections, found = _sections(data), list[Setting]()
    for name, info in config_model().model_fields.items():
        if name in sections:
            found += [_setting(f"{name}.{key}", inner) for key, inner in sections[name].model_fields.items()]
        else:
            found.append(_setting(name, info))
    return tuple(found)


def section_help(data: "type[Section]") -> dict[str, str]:
    """Section → description in one line."""
    return {name: _about(str(section.__doc__)) for name, section in _sections(data).items()}


def text_of(value: Any) -> str:
    """A value as the user enters it; empty for None."""
    if value is None:
        return ""
    return ", ".join(map(text_of, value)) if isinstance(value, (list, tuple)) else show(value)


def override_of(setting: Setting, text: str) -> str:
    """The entered text as `a.b=c` of the command line; lists need no brackets or quotes here."""
    text = text.strip()
    if setting.kind == "list" and not text.startswith("[") and text not in setting.choices:
        items = [item.strip() for item in text.split(",") if item.strip()]
        text = f"[{', '.join(item if _is_number(item) else _quoted(item) for item in items)}]"
    return f"{setting.key}={text}"


def _about(description: str) -> str:
    """First line, without the stage's name if the section has the same name."""
    line = re.sub(r"^Stage `\w+`: ", "", description.splitlines()[0])
    return line[:1].upper() + line[1:]


def _sections(data: "type[Section]") -> "dict[str, type[Section]]":
    from core.config import Section, config_model

    found: dict[str, Any] = {name: info.annotation for name, info in config_model().model_fields.items()}
    found["data"] = data
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Section)}


def _setting(key: str, info: Any) -> Setting:
    arms = list(_arms(info.annotation, tuple(info.metadata)))
    description = " ".join((info.description or "").split())
    is_path = _PATHS.search(description) is not None
    return Setting(
        key=key,
        kind=_kind([kind for kind, _ in arms]),
        help=description,
        unit=_unit(description),
        choices=tuple(str(word) for kind, _ in arms if _origin(kind) is Literal for word in get_args(kind)),
        expects=" or ".join(_expects(kind, bounds, is_path) for kind, bounds in arms),
    )


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _arms(annotation: Any, bounds: tuple[Any, ...]) -> Iterator[Arm]:
    if hasattr(annotation, "__metadata__"):
        inner, *rest = get_args(annotation)
        yield from _arms(inner, (*bounds, *(bound for one in rest for bound in getattr(one, "metadata", [one]))))
    elif _origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _arms(part, bounds)
    elif annotation is not type(None):
        yield annotation, bounds


def _kind(kinds: list[Any]) -> Kind:
    if any(_origin(kind) is tuple for kind in kinds):
        return "list"
    return next((_PLAIN[kind][0] for kind in kinds if kind in _PLAIN), "choice")


def _expects(kind: Any, bounds: tuple[Any, ...], is_path: bool) -> str:
    items = get_args(kind)
    if _origin(kind) is Literal:
        return ", ".join(map(str, items))
    if _origin(kind) is tuple:
        inner, limits = next(_arms(items[0], ()))
        if _origin(inner) is Literal:
            return f"some of {', '.join(map(str, get_args(inner)))}, separated by commas"
        count = "" if Ellipsis in items else {2: "two", 3: "three"}.get(len(items), str(len(items)))
        between = "separated by a comma" if count == "two" else "separated by commas"
        return " ".join(filter(None, (count, _PLAIN[inner][2], _limits(limits), between)))
    one = "a path" if is_path and kind is str else _PLAIN[kind][1]
    return " ".join(filter(None, (one, _limits(bounds))))


def _limits(bounds: tuple[Any, ...]) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    given = {side: getattr(bound, side, None) for bound in bounds for side in signs if hasattr(bound, side)}
    found = {side: limit for side, limit in given.items() if limit is not None and abs(limit) < _NO_BOUND}
    if found.keys() == {"ge", "le"}:
        return f"{found['ge']:,} … {found['le']:,}"
    return ", ".join(f"{signs[side]} {limit:,}" for side, limit in found.items())


def _unit(description: str) -> str:
    if named := re.search(r"\bin (pixels|seconds|epochs|steps)\b", description):
        return named[1]
    return _UNITS.get(description.partition(" ")[0], "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _quoted(text: str) -> str:
    return text if text.startswith(('"', "'")) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
