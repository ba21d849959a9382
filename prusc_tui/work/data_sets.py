"""Which data sets there are, read from the config model, and words about one (no torch)."""

from collections.abc import Mapping
from typing import Any


def data_sets() -> dict[str, str]:
    """Name of every data set → what it is, in one line."""
    from typing import get_args

    from core.config import Data

    kinds = get_args(get_args(Data)[0])
    return {kind.model_fields["name"].default: kind.__doc__.splitlines()[0] for kind in kinds}


def colours_gone(settings: Mapping[str, Any]) -> str:
    """What to add about images whose colours were taken out by hand; empty for others."""
    return ", colours put into one" if settings.get("grey") else ""
