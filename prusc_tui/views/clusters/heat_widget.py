"""The table of clusters on the screen: a row is chosen by mouse or by whoever holds the table."""

from rich.text import Text
from textual.events import Click
from textual.geometry import Region
from textual.message import Message

from core.events import Balanced, Clustered
from prusc_tui.palette import Palette
from prusc_tui.views.clusters.heat import HEADS, heat_table
from prusc_tui.widgets.drawing import Drawing


class HeatTable(Drawing):
    """A row for each cluster."""

    DEFAULT_CSS = "HeatTable { height: auto; width: 1fr; }"

    class Chosen(Message):
        """A row was clicked."""

        def __init__(self, cluster: int) -> None:
            super().__init__()
            self.cluster = cluster

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clustered: Clustered | None = None
        self._balanced: Balanced | None = None
        self._chosen = 0

    def show(self, clustered: Clustered, balanced: Balanced | None, chosen: int) -> None:
        """Show the clusters; nothing happens where nothing differs."""
        if (clustered, balanced, chosen) != (self._clustered, self._balanced, self._chosen):
            self._clustered, self._balanced, self._chosen = clustered, balanced, chosen
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:  # noqa: ARG002
        """The table, as high as it is."""
        if self._clustered is None:
            return []
        return heat_table(self._clustered, self._balanced, self._chosen, width, palette)

    def region_of(self, cluster: int) -> Region:
        """Where the row of a cluster is; with the first one go the headings."""
        return Region(0, 0 if cluster == 0 else HEADS + cluster, 1, HEADS + 1 if cluster == 0 else 1)

    def on_click(self, event: Click) -> None:
        """Choose the row under the pointer."""
        cluster = event.y - HEADS
        if self._clustered is not None and 0 <= cluster < len(self._clustered.table):
            self.post_message(self.Chosen(cluster))
