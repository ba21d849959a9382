"""Events: the typed records in the stream of a run (no torch)."""

from core.events.composition import Balanced, Choice, EnvironmentsMade, PseudoGroupsFound, conflicts_sentence
from core.events.event import KINDS, Event, Stamped, decode, encode, latest
from core.events.progress import Logged, Progress, RunFinished, RunStarted, StageFinished, StageReused, StageStarted
from core.events.pruning import MasksKept, Sparsity, SparsityPoint
from core.events.training import (
    SERIOUS,
    DoubtSettled,
    Evaluated,
    Members,
    NetworkKept,
    Restarts,
    Scalars,
    Selected,
    Warned,
)

__all__ = [
    "KINDS",
    "SERIOUS",
    "Balanced",
    "Choice",
    "DoubtSettled",
    "EnvironmentsMade",
    "Evaluated",
    "Event",
    "Logged",
    "MasksKept",
    "Members",
    "NetworkKept",
    "Progress",
    "PseudoGroupsFound",
    "Restarts",
    "RunFinished",
    "RunStarted",
    "Scalars",
    "Selected",
    "Sparsity",
    "SparsityPoint",
    "StageFinished",
    "StageReused",
    "StageStarted",
    "Stamped",
    "Warned",
    "conflicts_sentence",
    "decode",
    "encode",
    "latest",
]
