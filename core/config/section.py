"""What all sections of the settings have in common, and the kinds of numbers in them (no torch)."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


OWN_SECTIONS: dict[str, type["Section"]] = {}
"""Name → section that a stage outside this package declares; see `Section`."""


class Section(BaseModel):
    """A group of settings: frozen, and closed to names that it does not know.

    The sections of the stages in this package are fields of `core.config.Config`. A new stage brings its section with
    it: `class Errors(Section, section="errors")` is then read and checked as `errors.…` like all others.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )

    incidental: ClassVar[frozenset[str]] = frozenset()
    """Settings that say how something is computed, not what: artifacts are shared whatever they are."""

    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {}
    """Setting → another setting, by its dotted key, and the values of it under which this one has an effect."""

    def __init_subclass__(cls, *, section: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if section:
            OWN_SECTIONS[section] = cls

    def deciding(self) -> dict[str, Any]:
        """The values that results depend on, as plain data."""
        return self.model_dump(mode="json", exclude=set(self.incidental))

    def canonical_hash(self) -> str:
        """Hash of the values, the same whatever the order in which they were given: 16 hexadecimal digits."""
        text = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:16]
