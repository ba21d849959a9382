"""Every setting of the config model as a field of a form: kind, bounds, unit and help, read from the model."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from core.config import Section

Kind = Literal["whole", "number", "choice", "switch", "text", "list"]
Origin = Literal["default", "preset", "recipe", "source", "taken over", "person"]
Arm = tuple[Any, tuple[Any, ...]]
"""One of the types of a setting, with its bounds."""

_UNITS = {"Images": "images", "Passes": "epochs", "Epochs": "epochs", "Steps": "steps", "Share": "share"}
_PATHS = re.compile(r"^(?:File|Folder|Table)\b|\ba file\b")
"""Matches the description of a setting that is a path."""
_NO_BOUND = 2**62
"""Larger bounds are those of the machine, and not shown."""

USUAL = frozenset(
    (
        *("recipe", "preset", "stage", "seed", "name", "tags", "device", "start"),
        *("data.train_size", "data.correlation", "data.environment_noise", "data.label_noise", "data.root"),
        *("model.name", "model.weights", "model.checkpoint"),
        *("erm.epochs", "erm.batch_size", "erm.lr", "cluster.k"),
        *("prune.steps", "prune.lr", "prune.contrast_weight", "prune.sparsity_weight"),
        *("finetune.steps", "finetune.lr", "environments.rule", "train.network", "train.restarts"),
        *("train.penalty_weights", "train.anneal_until", "train.steps", "train.batch_size", "train.lr", "select.rule"),
    )
)
"""Frequently changed fields; the others are shown on request."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting without its value.

    Attributes:
        key: dotted, as after `--set`; a plain word if it is not part of the config model.
        section: first part of the key; empty if there is none.
        kind: type of its value.
        help: description.
        unit: such as `epochs`; empty if the description names none.
        choices: all values of a choice, or words allowed instead of a number.
        expects: valid values, such as `a number 0 … 1`.
    """

    key: str
    section: str
    kind: Kind
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    expects: str = ""

    @property
    def name(self) -> str:
        """The key without its section."""
        return self.key.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Field:
    """A setting with its value.

    Attributes:
        setting: the setting.
        text: current or entered value.
        base: value if it is not entered.
        origin: source of the value.
        error: why it is invalid; empty if it is not.
    """

    setting: Setting
    text: str
    base: str
    origin: Origin
    error: str = ""

    @property
    def changed(self) -> bool:
        """Whether the user changed it."""
        return self.origin == "person"

    @property
    def fixed(self) -> bool:
        """Whether it cannot be set."""
        return self.origin in ("recipe", "taken over")

    @property
    def usual(self) -> bool:
        """Whether it is frequently changed, or was changed here."""
        return self.setting.key in USUAL or self.changed or bool(self.error)


def settings_of(model: "type[Section]", data: "type[Section]") -> tuple[Setting, ...]:
    """All settings of a model, in its order.

    Args:
        model: the config model, whose sections are models.
        data: the model of section `data`.
    """
    found: list[Setting] = []
    for name, info in model.model_fields.items():
        section = _sections(model, data).get(name)
        if section is None:
            found.append(_setting(name, info))
        else:
            found += [_setting(f"{name}.{key}", inner) for key, inner in section.model_fields.items()]
    return tuple(found)


def section_help(model: "type[Section]", data: "type[Section]") -> dict[str, str]:
    """Section → description in one line."""
    return {name: _about(str(section.__doc__)) for name, section in _sections(model, data).items()}


def text_of(value: Any) -> str:
    """A value as the user enters it; empty for None."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(text_of(item) for item in value)
        case float():
            return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


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


@cache
def _sections(model: "type[Section]", data: "type[Section]") -> "dict[str, type[Section]]":
    from core.config import Section

    found: dict[str, Any] = {name: info.annotation for name, info in model.model_fields.items()} | {"data": data}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Section)}


def _setting(key: str, info: Any) -> Setting:
    arms = list(_arms(info.annotation, tuple(info.metadata)))
    words = tuple(word for kind, _ in arms if _origin(kind) is Literal for word in map(str, get_args(kind)))
    description = " ".join((info.description or "").split())
    return Setting(
        key=key,
        section=key.partition(".")[0] if "." in key else "",
        kind=_kind([kind for kind, _ in arms]),
        help=description,
        unit=_unit(description),
        choices=words,
        expects=" or ".join(
            filter(None, (_expects(kind, bounds, is_path=bool(_PATHS.search(description))) for kind, bounds in arms))
        ),
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
    plain: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text"}
    named = [plain[kind] for kind in kinds if kind in plain]
    return named[0] if named else "choice"


def _expects(kind: Any, bounds: tuple[Any, ...], *, is_path: bool) -> str:
    if _origin(kind) is tuple:
        items = get_args(kind)
        inner, limits = next(_arms(items[0], ()))
        if _origin(inner) is Literal:
            return f"some of {', '.join(map(str, get_args(inner)))}"
        count = "" if Ellipsis in items else {2: "two", 3: "three"}.get(len(items), str(len(items)))
        many = {int: "whole numbers", float: "numbers", str: "names"}[inner]
        between = "separated by a comma" if count == "two" else "separated by commas"
        return " ".join(filter(None, (count, many, _limits(limits), between)))
    if _origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    name = "a path" if is_path else "a name"
    one = {int: "a whole number", float: "a number", str: name, bool: "on or off"}[kind]
    return " ".join(filter(None, (one, _limits(bounds))))


def _limits(bounds: tuple[Any, ...]) -> str:
    found = {
        side: getattr(bound, side) for bound in bounds for side in ("gt", "ge", "lt", "le") if hasattr(bound, side)
    }
    found = {side: limit for side, limit in found.items() if limit is not None and abs(limit) < _NO_BOUND}
    if found.keys() == {"ge", "le"}:
        return f"{found['ge']:,} … {found['le']:,}"
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
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
