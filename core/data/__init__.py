"""Data sets as arrays: images, labels, attributes, splits (no torch)."""

from core.data.dataset import (
    DataSet,
    Split,
    SplitName,
    agreement,
    environment_conflicts,
    group_counts,
    groups,
    training_shares,
)
from core.data.load import fingerprint, load

__all__ = [
    "DataSet",
    "Split",
    "SplitName",
    "agreement",
    "environment_conflicts",
    "fingerprint",
    "group_counts",
    "groups",
    "load",
    "training_shares",
]
