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


@dataclass(frozen=True, slots=True)
class View:
    """Declaration of a view. Its panel, class `<Name>Panel` in `panel.py`, is imported when first opened.

    Attributes:
        name: of folder and tab.
        place: order among the views, and the digit that opens it, 1 to 10; 0 opens the tenth.
        help: contents, for the help screen.
        keys: of the panel; their ids start with the name of the view.
        short: title of a narrow tab; empty for the name.
        shows: whether it applies to a run; if not, it has no tab.
    """

    name: str
    place: int
    help: str
    keys: tuple[Key, ...] = ()
    short: str = ""
    shows: "Callable[[Snapshot], bool]" = lambda _: True

    @property
    def key(self) -> Key:
        """The key that opens it."""
        return Key(f"run.{self.name}", str(self.place % 10), f"view('{self.name}')", self.name, self.help)

    def open(self, folder: "RunFolder", clock: Callable[[], float]) -> "Panel":
        """Return its panel for a run, given a clock in seconds since 1970."""
        module = importlib.import_module(f"{__name__}.{self.name}.panel")
        panel: Panel = getattr(module, f"{self.name.capitalize()}Panel")()
        panel.folder, panel.clock = folder, clock
        return panel


@cache
def views() -> tuple[View, ...]:
    """All views of this package, in order."""
    names = (found.name for found in pkgutil.iter_modules(__path__) if found.ispkg)
    declared: list[View] = [importlib.import_module(f"{__name__}.{name}").VIEW for name in names]
    return tuple(sorted(declared, key=lambda view: (view.place, view.name)))
