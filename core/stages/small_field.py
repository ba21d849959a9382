"""Finder `small-field`: a network that sees only small parts of the image; its mistakes contradict the shortcut."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from core.stages.biased import Biased, FindByBias


class SmallField(Biased, section="small_field"):
    """Finder `small-field`: as finder `biased`, with a network of small receptive field and one round by default."""

    network: str = "small-field"
    """Network of the finder; `small-field` sees 5×5 pixels of a digit and up to 33×33 pixels of a photograph."""
    q: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Exponent of the generalised cross-entropy; 0 for the plain cross-entropy."""
    second_opinion: bool = False
    """Tell mistakes that the shortcut causes from samples that are only hard, as finder `biased` does."""
    rounds: Annotated[int, Field(ge=1, le=4)] = 1
    """Maximum number of shortcuts to look for, one after the other; a round that finds none is the last."""


@dataclass(frozen=True)
class FindBySmallField(FindByBias):
    """Train a network of small receptive field until its mistakes are stable."""

    biased: SmallField
    name: ClassVar[str] = "small-field"
    source: ClassVar[str] = "network of small receptive field"
    section: ClassVar[str] = "small_field"

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.section, "model", "compute")
