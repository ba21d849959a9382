"""The views of a run, one folder each. A new view is a new folder: its `__init__.py` declares it as `VIEW`."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from prusc_tui.keys import Key

if TYPE_CHECKING:
    from core.feed.snapshot import Snapshot
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _always(_snapshot: "Snapshot") -> bool:
    return True


@dataclass(frozen=True, slots=True)
class View:
    """What is to be known of a view before it is looked at; nothing of its panel is imported for that.

    Attributes:
        name: of its folder and its tab.
        place: among the views, and the digit that brings it to the front, from 1 to 9.
        help: what there is to be seen, for the help screen.
        panel: imports and builds its panel, for a run and a clock that gives the seconds since 1970.
        keys: of the panel; their ids begin with the name of the view.
        short: its tab where there is little room; empty for its name.
        shows: whether it has anything to do with a run; where it has not, it has no tab.
    """

    name: str
    place: int
    help: str
    panel: "Callable[[RunFolder, Callable[[], float]], Panel]"
    keys: tuple[Key, ...] = ()
    short: str = ""
    shows: "Callable[[Snapshot], bool]" = _always

    @property
    def key(self) -> Key:
        """The key that brings it to the front."""
        return Key(f"run.{self.name}", str(self.place), f"view('{self.name}')", self.name, self.help)


@cache
def views() -> tuple[View, ...]:
    """Every view whose folder lies here, in their places."""
    names = (found.name for found in pkgutil.iter_modules(__path__) if found.ispkg)
    declared: list[View] = [importlib.import_module(f"{__name__}.{name}").VIEW for name in names]
    return tuple(sorted(declared, key=lambda view: (view.place, view.name)))
