"""Names of the splits (no numpy)."""

from typing import Literal

SplitName = Literal["train", "validation", "test"]

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
"""All of them, in the order of their numbers in a table."""
HELD_OUT: tuple[SplitName, ...] = ("validation", "test")
"""Those that networks are evaluated on."""
