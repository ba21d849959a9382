"""Base class of the sections of the settings, and their number types (no torch)."""

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
"""Name → section declared by a stage outside this package; see `Section`."""


class Section(BaseModel):
    """A group of settings: frozen; unknown names are errors.

    The sections of the stages in this package are fields of `core.config.Config`. A new stage declares its own section:
    `class Errors(Section, section="errors")` is then read and validated as `errors.…` like all others.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )

    incidental: ClassVar[frozenset[str]] = frozenset()
    """Settings that affect how something is computed, not the results: artifacts are shared regardless of them."""

    only_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {}
    """Setting → (dotted key of another setting, values of it with which this one has an effect)."""

    def __init_subclass__(cls, *, section: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if section:
            OWN_SECTIONS[section] = cls

    def deciding(self) -> dict[str, Any]:
        """Values that affect the results, as plain data."""
        return self.model_dump(mode="json", exclude=set(self.incidental))

    def canonical_hash(self) -> str:
        """Hash of the values, independent of their order: 16 hexadecimal digits."""
        text = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:16]
