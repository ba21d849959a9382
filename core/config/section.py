"""What all sections of the settings have in common, and the kinds of numbers in them (no torch)."""

import hashlib
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Section(BaseModel):
    """A group of settings: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )

    def canonical_hash(self) -> str:
        """Hash of the values, the same whatever the order in which they were given: 16 hexadecimal digits."""
        text = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:16]
