"""The finder: the stages that make the pseudo-groups of a run (no torch)."""

from collections.abc import Callable
from dataclasses import dataclass

from core.config import Config
from core.engine.stage import Stage


@dataclass(frozen=True)
class Finder:
    """A way to find the samples that contradict a shortcut.

    Attributes:
        name: as in `find.by`.
        summary: one line.
        stages: returns its stages after ERM for a configuration; the last one writes the pseudo-groups.
        cheap: whether `auto` tries it.
        validates: whether it gives validation images pseudo-groups, too, as the worst cell needs.
    """

    name: str
    summary: str
    stages: Callable[[Config], tuple[Stage, ...]]
    cheap: bool = False
    validates: Callable[[Config], bool] = lambda _: True
