"""Which data sets there are, read from the config model (no torch)."""


def data_sets() -> dict[str, str]:
    """Name of every data set → what it is, in one line."""
    from typing import get_args

    from core.config import Data

    kinds = get_args(get_args(Data)[0])
    return {kind.model_fields["name"].default: kind.__doc__.splitlines()[0] for kind in kinds}
