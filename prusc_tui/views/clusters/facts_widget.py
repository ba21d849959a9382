"""What is said above the table of clusters."""

from rich.text import Text

from core.feed.snapshot import Snapshot
from prusc_tui.palette import Palette
from prusc_tui.views.clusters.facts import alarms, facts, waiting
from prusc_tui.widgets.bars import ink, wrap
from prusc_tui.widgets.drawing import Drawing


class ClusterFacts(Drawing):
    """How the clusters came about and what is doubtful; before, what is being waited for."""

    DEFAULT_CSS = "ClusterFacts { height: auto; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._said: object = None

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new."""
        said = waiting(snapshot), snapshot.choice, snapshot.balanced, snapshot.warnings
        self._snapshot = snapshot
        if said != self._said:
            self._said = said
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:  # noqa: ARG002
        """How the clusters were chosen, and the alarms; or what is being waited for."""
        snapshot = self._snapshot
        if snapshot is None:
            return []
        if snapshot.clusters is None:
            return wrap(ink(waiting(snapshot), palette.muted), width)
        return [*facts(snapshot, width, palette), *alarms(snapshot, width, palette)]
