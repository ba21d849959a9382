"""Sample images of a cluster on the screen."""

from typing import TYPE_CHECKING

from rich.text import Text

from core.events import Balanced, Clustered
from prusc_tui.palette import Palette
from prusc_tui.views.clusters.tiles import tiles
from prusc_tui.widgets.bars import heading, ink, wrap
from prusc_tui.widgets.drawing import Drawing

if TYPE_CHECKING:
    from experiments.samples import Samples


class Tiles(Drawing):
    """The images of one cluster, class by class."""

    DEFAULT_CSS = "Tiles { height: auto; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: Samples | None = None
        self._clustered: Clustered | None = None
        self._balanced: Balanced | None = None
        self._cluster = 0
        self._note = ""

    def show(
        self,
        samples: "Samples | None",
        clustered: Clustered,
        balanced: Balanced | None,
        cluster: int,
        note: str = "",
    ) -> None:
        """Show the images of a cluster, or a note where there are none; nothing happens where nothing differs."""
        new = samples, clustered, balanced, cluster, note
        if new != (self._samples, self._clustered, self._balanced, self._cluster, self._note):
            self._samples, self._clustered, self._balanced, self._cluster, self._note = new
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:
        """The images, as many lines as they take."""
        if self._clustered is None:
            return []
        if self._samples is None:
            return [
                heading(f"Cluster {self._cluster}", "", width, palette),
                *wrap(ink(self._note, palette.muted), width),
            ]
        return tiles(
            self._samples,
            self._clustered,
            self._balanced,
            self._cluster,
            width,
            height,
            palette,
            colour=not getattr(self.app, "no_color", False),
            dark=self.app.current_theme.dark,
        )
