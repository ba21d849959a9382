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
from core.data.load import Source, fingerprint, glance, load, open_source
from core.data.watch import Interrupted, Watch

__all__ = [
    "DataSet",
    "Interrupted",
    "Source",
    "Split",
    "SplitName",
    "Watch",
    "agreement",
    "environment_conflicts",
    "fingerprint",
    "glance",
    "group_counts",
    "groups",
    "load",
    "open_source",
    "training_shares",
]
