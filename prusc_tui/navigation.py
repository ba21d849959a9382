"""The messages that open a screen, or tell the app of an event: any screen posts them, the app handles them."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from core.runs.record import RunRecord


@dataclass
class OpenRun(Message):
    """Show one run."""

    id: str


@dataclass
class RunEnded(Message):
    """The run that a screen shows has ended."""

    record: RunRecord


@dataclass
class OpenCompare(Message):
    """Show several runs side by side."""

    ids: Sequence[str]


@dataclass
class OpenNew(Message):
    """Show the form of a new run: from nothing, from a preset, or from another run."""

    fork: str | None = None
    preset: str | None = None


@dataclass
class OpenData(Message):
    """Show the data sets."""

    name: str | None = None


@dataclass
class OpenQueue(Message):
    """Show the queue of this machine and its devices."""


@dataclass
class OpenSweep(Message):
    """Show one sweep, or the list of all."""

    name: str | None = None
