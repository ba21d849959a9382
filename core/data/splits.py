"""Names of the splits (no numpy)."""

from typing import Literal

SplitName = Literal["train", "validation", "test"]

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
"""All splits, in the order of their numbers in tables."""
HELD_OUT: tuple[SplitName, ...] = ("validation", "test")
"""Splits on which networks are evaluated."""
