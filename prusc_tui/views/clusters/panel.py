"""The clusters of a run: what they are made of, where they lie, what their images look like."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget

from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from prusc_tui.keys import bindings
from prusc_tui.views.clusters.facts_widget import ClusterFacts
from prusc_tui.views.clusters.heat_widget import HeatTable
from prusc_tui.views.clusters.maps import Request
from prusc_tui.views.clusters.scatter_widget import COLOURS, Scatter, colours_of
from prusc_tui.views.clusters.tiles_widget import Tiles
from prusc_tui.widgets.bars import safe

if TYPE_CHECKING:
    from core.events import Clustered
    from experiments.maps import Map
    from experiments.samples import Samples

WIDE, HIGH = 104, 26
"""Cells from which table and images stand beside the map."""
TALL = 40
"""Lines from which they stand above it."""
LEAST_IMAGES = 7
"""Lines below which images get a view of their own."""
VIEWS = ("table", "map", "images")
"""What is shown one at a time where there is no room for all."""
DONE = ("done", "reused")
COMPUTING = {
    "pca": "The map by PCA is being computed …",
    "tsne": "t-SNE is being computed, which takes some ten seconds …",
}


class Scroll(VerticalScroll, can_focus=False):
    """Scrolls by mouse, and by what holds it."""


class ClustersPanel(Widget, can_focus=True):
    """The clusters of a run.

    Args:
        folder: where the run is; the map and the images are read from there, off the event loop.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("clusters"),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]
    DEFAULT_CSS = """
    ClustersPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    ClustersPanel #left { height: 1fr; width: 1fr; }
    ClustersPanel #table-scroll { height: auto; max-height: 50%; scrollbar-size-vertical: 1; margin-top: 1; }
    ClustersPanel #images-scroll { height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; margin-top: 1; }
    ClustersPanel.wide { layout: horizontal; padding: 1 1 0 1; }
    ClustersPanel.wide #left { width: 11fr; }
    ClustersPanel.wide #map { width: 10fr; height: 100%; margin-left: 3; }
    ClustersPanel.tall #left { height: 3fr; }
    ClustersPanel.tall #map { height: 2fr; margin-top: 1; }
    ClustersPanel.one #table-scroll { max-height: 100%; }
    ClustersPanel.one.map #left, ClustersPanel.one.table #map, ClustersPanel.one.images #map { display: none; }
    ClustersPanel.one.images #table-scroll, ClustersPanel.one.images #facts { display: none; }
    ClustersPanel.one.images #images-scroll { margin-top: 0; }
    ClustersPanel.crowded.table #images-scroll { display: none; }
    ClustersPanel.empty #table-scroll, ClustersPanel.empty #images-scroll, ClustersPanel.empty #map { display: none; }
    ClustersPanel.empty #left { padding-top: 1; display: block; }
    ClustersPanel.empty #facts { display: block; }
    """

    class Loaded(Message):
        """What is stored of the clusters was read."""

        def __init__(self, generation: int, maps: dict[str, "Map | None"], samples: "Samples | None") -> None:
            super().__init__()
            self.generation = generation
            self.maps = maps
            self.samples = samples

    class Computed(Message):
        """A map was computed, or could not be."""

        def __init__(self, request: Request, problem: str) -> None:
            super().__init__()
            self.request = request
            self.problem = problem

    def __init__(self, folder: RunFolder, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="table empty")
        self._folder = folder
        self._snapshot: Snapshot | None = None
        self._clustered: Clustered | None = None
        self._chosen = 0
        self._maps: dict[str, Map | None] | None = None
        self._samples: Samples | None = None
        self._method = "pca"
        self._colour = COLOURS[0]
        self._request: Request | None = None
        self._problem = ""
        self._generation = self._loads = 0

    def compose(self) -> ComposeResult:
        """Facts, table and images; the map."""
        with Vertical(id="left"):
            yield ClusterFacts(id="facts")
            with Scroll(id="table-scroll"):
                yield HeatTable(id="table")
            with Scroll(id="images-scroll"):
                yield Tiles(id="images")
        yield Scatter(id="map")

    @property
    def chosen(self) -> int:
        """Number of the cluster that is looked at."""
        return self._chosen

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; cheap where nothing is."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        if self.is_mounted:
            self._show(snapshot)

    def on_mount(self) -> None:
        """Show what came before there was a place for it."""
        if self._snapshot is not None:
            self._show(self._snapshot)

    def on_unmount(self) -> None:
        """Forget what was asked for; it is stored when it is there."""
        if self._request is not None:
            self._request.forget()

    def on_resize(self) -> None:
        """Take the layout for the size."""
        wide = self.outer_size.width >= WIDE and self.outer_size.height >= HIGH
        tall = not wide and self.outer_size.height >= TALL
        self.set_class(wide, "wide")
        self.set_class(tall, "tall")
        self.set_class(not wide and not tall, "one")
        self.call_after_refresh(self._fit)

    def action_row(self, by: int) -> None:
        """Choose the cluster below or above."""
        if self._clustered is not None:
            self._choose(min(max(0, self._chosen + by), len(self._clustered.table) - 1))

    def action_next_colour(self) -> None:
        """Colour the map by the next thing there is."""
        there = colours_of(self._map)
        at = there.index(self._colour) if self._colour in there else -1
        self._colour = there[(at + 1) % len(there)]
        self._show_map()

    def action_toggle_method(self) -> None:
        """Show the other map; have it computed where there is none."""
        if self._maps is None:
            return
        # Without the map by PCA, as in a run of an older version, that one comes first.
        self._method = "pca" if self._method == "tsne" or self._maps["pca"] is None else "tsne"
        self._problem = ""
        if self._maps[self._method] is None and self._request is None:
            self._request = Request(self._folder, self._method, self._tell)
            self._request.start()
        self._show_map()

    def action_next_view(self) -> None:
        """Table, map or images, where there is no room for all."""
        now = next(view for view in VIEWS if self.has_class(view))
        following = VIEWS[(VIEWS.index(now) + 1) % len(VIEWS)]
        self.remove_class(now)
        self.add_class(following)
        self.call_after_refresh(self._fit)

    def action_page(self, by: int) -> None:
        """Scroll the images."""
        scroll = self.query_one("#images-scroll", Scroll)
        scroll.scroll_relative(y=by * max(1, scroll.size.height - 1), animate=False)

    @on(HeatTable.Chosen)
    def _row_clicked(self, message: HeatTable.Chosen) -> None:
        message.stop()
        self._choose(message.cluster)

    @on(Loaded)
    def _loaded(self, message: Loaded) -> None:
        message.stop()
        if message.generation == self._generation:
            self._maps, self._samples = message.maps, message.samples
            self._show_map()
            self._show_images()

    @on(Computed)
    def _computed(self, message: Computed) -> None:
        message.stop()
        if message.request is not self._request:
            return
        self._request, self._problem = None, message.problem
        if message.problem:
            self._method = "pca"
            self._show_map()
        else:
            self._load()

    @property
    def _map(self) -> "Map | None":
        """The map to show: the one that is wanted, or the other one until that is there."""
        maps = self._maps or {}
        return maps.get(self._method) or maps.get("pca")

    def _tell(self, request: Request, problem: str) -> None:
        self.post_message(self.Computed(request, problem))

    def _choose(self, cluster: int) -> None:
        if cluster != self._chosen:
            self._chosen = cluster
            self._show_table()
            self._show_map()
            self._show_images()
            table = self.query_one(HeatTable)
            self.query_one("#table-scroll").scroll_to_region(table.region_of(cluster), animate=False)
            self.query_one("#images-scroll").scroll_home(animate=False)

    def _show(self, snapshot: Snapshot) -> None:
        self.query_one(ClusterFacts).show(snapshot)
        self.set_class(snapshot.clusters is None, "empty")
        if snapshot.clusters is None:
            return
        if snapshot.clusters != self._clustered:
            self._clustered = snapshot.clusters
            self._chosen = min(self._chosen, len(snapshot.clusters.table) - 1)
            self._maps = self._samples = None
            self._generation = 0
        # The stage says what it found before its artifacts are in their place.
        if self._generation == 0 and any(s.name == "cluster" and s.state in DONE for s in snapshot.stages):
            self._load()
        self._show_table()
        self._show_map()
        self._show_images()
        self.call_after_refresh(self._fit)

    def _load(self) -> None:
        self._loads += 1
        self._generation = self._loads
        read = partial(self._read, self._generation)
        self.run_worker(read, thread=True, group="clusters", exit_on_error=False)

    def _read(self, generation: int) -> None:
        """On a thread: read what is stored."""
        from experiments.maps import METHODS, read_map
        from experiments.samples import read_samples

        maps = {method: read_map(self._folder, method) for method in METHODS}
        self.post_message(self.Loaded(generation, maps, read_samples(self._folder)))

    def _show_table(self) -> None:
        if self._snapshot is not None and self._clustered is not None:
            self.query_one(HeatTable).show(self._clustered, self._snapshot.balanced, self._chosen)

    def _show_map(self) -> None:
        found = self._map
        colour = self._colour if self._colour in colours_of(found) else COLOURS[0]
        self.query_one(Scatter).show(found, colour, self._chosen, self._note)

    @property
    def _note(self) -> str:
        """What is to be said of the map."""
        if self._request is not None:
            return COMPUTING[self._request.method]
        if self._problem:
            return f"The map cannot be computed: {safe(self._problem)}"
        if self._maps is None:
            return "The map comes when the stage is done."
        return "" if self._map is not None else "This run stored no map. Ask for one with the key of t-SNE."

    def _show_images(self) -> None:
        if self._snapshot is not None and self._clustered is not None:
            there = self._maps is not None
            note = "This run stored no images." if there else "Images come when the stage is done."
            self.query_one(Tiles).show(self._samples, self._clustered, self._snapshot.balanced, self._chosen, note)

    def _fit(self) -> None:
        """Give the images the room that there is, or a view of their own where there is none."""
        left = self.query_one("#left").size.height
        above = sum(self.query_one(name).outer_size.height + 1 for name in ("#facts", "#table-scroll"))
        self.set_class(self.has_class("one") and left - above < LEAST_IMAGES, "crowded")
        tiles, room = self.query_one(Tiles), self.query_one("#images-scroll").size.height
        if room and tiles.room != room:
            tiles.room = room
            tiles.touch()
