"""What only a run has, as entered: name, tags, device, launcher and what the run asks of it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from core.engine.devices import check_name
from core.errors import InputError
from experiments.launchers import launcher
from experiments.resources import Resources
from prusc_tui.screens.new_run.fields import (
    DEFAULTS,
    HERE,
    ON,
    RESOURCES,
    RUN_FIELDS,
    Field,
    Origin,
    places,
    with_choices,
)


class Entries:
    """The entries by key.

    Args:
        entered: key → text.
    """

    def __init__(self, entered: Mapping[str, str] = DEFAULTS) -> None:
        self.entered = dict(entered)
        self.several = False
        """Whether several runs are to be started, which only launchers with a queue do."""

    @property
    def start(self) -> str:
        """Where it is started: as chosen, if that is possible for the number of runs."""
        choices, _ = places(self.several)
        return self.entered["start"] if self.entered["start"] in choices else choices[0]

    @property
    def launcher(self) -> str:
        """Name of the launcher."""
        return "local" if self.start == HERE else self.start

    def set(self, key: str, text: str) -> None:
        """Enter a value; an empty one resets it."""
        self.entered[key] = text if text.strip() else DEFAULTS[key]

    def errors(self) -> dict[str, str]:
        """Key → error of its value."""
        found = {}
        try:
            check_name(self.entered["device"].strip())
        except InputError as error:
            found["device"] = str(error)
        try:
            self._resources()
        except InputError as error:
            key = next((key for key in RESOURCES if str(error).startswith((f"{key}:", _option(key)))), "start")
            found[key] = str(error)
        return found

    def order(self) -> dict[str, Any]:
        """Its part of an `Order`; raises InputError if a value is invalid."""
        return {
            "name": self.entered["name"].strip() or None,
            "tags": tuple(dict.fromkeys(self.entered["tags"].replace(",", " ").split())),
            "device": self.entered["device"].strip(),
            "fresh": self.entered["fresh"] == ON,
            "launcher": self.launcher,
            "resources": self._resources(),
        }

    def field(self, key: str, base: str, error: str) -> Field:
        """The field of a key; `base` is its value if it has no default."""
        setting, text, default = RUN_FIELDS[key], self.entered[key], DEFAULTS[key]
        if key == "start":
            setting, text = with_choices(key, *places(self.several)), self.start
            default = setting.choices[0]
        origin: Origin = "default" if text.strip() == default else "person"
        hidden = key in RESOURCES and key not in self._taken()
        return Field(setting, text, default or base, origin, error, hidden=hidden)

    def _resources(self) -> Resources:
        """What the run asks of its launcher."""
        found: dict[str, Any] = {}
        for key in self._taken():
            if text := self.entered[key].strip():
                read: Any = {"whole": int, "number": float}.get(RESOURCES[key].kind, str)
                try:
                    found[key] = read(text)
                except ValueError:
                    raise InputError(f"{key}: expected {RESOURCES[key].expects}") from None
        return Resources(**found)

    def _taken(self) -> list[str]:
        """The fields that the launcher takes."""
        return _fields_of(self.launcher)


@cache
def _fields_of(name: str) -> list[str]:
    takes = launcher(name).takes
    return [key for key in RESOURCES if _option(key) in takes]


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"
