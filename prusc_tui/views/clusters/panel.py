"""The clusters of a run: composition, map and sample images."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Click

from core.errors import InputError
from core.feed.snapshot import Snapshot
from prusc_tui import words
from prusc_tui.keys import bindings
from prusc_tui.palette import Palette
from prusc_tui.report.frame import trained_to, warning_lines
from prusc_tui.views.clusters import VIEW
from prusc_tui.views.clusters.heat import HEADS, heat_table, region_of
from prusc_tui.views.clusters.scatter import COLOURS, colours_of, picture
from prusc_tui.views.clusters.tiles import tiles
from prusc_tui.widgets.bars import heading, ink, safe, wrap
from prusc_tui.widgets.panel import Panel, Reading, Scroll
from prusc_tui.widgets.picture import Picture

if TYPE_CHECKING:
    from core.events import PseudoGroupsFound
    from core.explore.pictures import Map, Samples

WIDE, HIGH = 104, 26  # width and height from which table and images are beside the map
TALL = 40  # height from which they are above it
LEAST_IMAGES = 7  # height below which images get a view of their own
VIEWS = ("table", "map", "images")  # views shown one at a time if they do not all fit
DONE = ("done", "reused")
STAGES = ("represent", "cluster", "balance")  # the stages that make or use clusters
COMPUTING = {"pca": "Computing the PCA map …", "tsne": "Computing t-SNE, about ten seconds …"}


class Stored(NamedTuple):
    """Stored results: a map per method, and sample images; None if missing."""

    maps: "dict[str, Map | None]"
    samples: "Samples | None"


class ClustersPanel(Panel, can_focus=True):
    """The clusters of a run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(VIEW.keys),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]
    DEFAULT_CSS = """
    ClustersPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    ClustersPanel #map { height: 1fr; }
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

    def __init__(self) -> None:
        super().__init__(classes="table empty")
        self.chosen = 0
        self._clustered: PseudoGroupsFound | None = None
        self._stored: Stored | None = None
        self._method = "pca"
        self._colour = COLOURS[0]
        self._computing = ""
        self._problem = ""
        self._asked = False
        self._reading = Reading(self, self._take)
        self._map_reading = Reading(self, self._computed)

    def compose(self) -> ComposeResult:
        with Vertical(id="left"):
            yield Picture(id="facts")
            with Scroll(id="table-scroll"):
                yield Picture(id="table")
            with Scroll(id="images-scroll"):
                yield Picture(id="images")
        yield Picture(id="map")

    def on_resize(self) -> None:
        wide = self.outer_size.width >= WIDE and self.outer_size.height >= HIGH
        tall = not wide and self.outer_size.height >= TALL
        self.set_class(wide, "wide")
        self.set_class(tall, "tall")
        self.set_class(not wide and not tall, "one")
        self.call_after_refresh(self._fit)

    def action_row(self, by: int) -> None:
        if self._clustered is not None:
            self._choose(min(max(0, self.chosen + by), len(self._clustered.table) - 1))

    def action_next_colour(self) -> None:
        there = colours_of(self._map)
        at = there.index(self._colour) if self._colour in there else -1
        self._colour = there[(at + 1) % len(there)]
        self._show_parts()

    def action_toggle_method(self) -> None:
        """Show the other map; compute it if it is missing."""
        if self._stored is None:
            return
        maps = self._stored.maps
        # Runs of older versions may lack the PCA map: compute it first.
        self._method = "pca" if self._method == "tsne" or maps["pca"] is None else "tsne"
        self._problem = ""
        if maps[self._method] is None and not self._computing:
            self._computing = self._method
            self._map_reading.ask(partial(self._compute, self._method))
        self._show_parts()

    def action_next_view(self) -> None:
        """Switch between table, map and images if they do not all fit."""
        if self._clustered is not None:
            now = next(view for view in VIEWS if self.has_class(view))
            self.remove_class(now)
            self.add_class(VIEWS[(VIEWS.index(now) + 1) % len(VIEWS)])
            self.call_after_refresh(self._fit)

    def action_page(self, by: int) -> None:
        scroll = self.query_one("#images-scroll", Scroll)
        scroll.scroll_relative(y=by * max(1, scroll.size.height - 1), animate=False)

    @on(Click, "#table")
    def _row_clicked(self, event: Click) -> None:
        cluster = event.y - HEADS
        if self._clustered is not None and 0 <= cluster < len(self._clustered.table):
            self._choose(cluster)

    def _take(self, stored: Stored) -> None:
        self._stored = stored
        self._show_parts()

    def _compute(self, method: str) -> str:
        """On a thread: compute and store a map, in a process that outlives this one; return an error message."""
        from experiments import subprocesses
        from experiments.maps import words as arguments

        try:
            subprocesses.run("experiments.maps", *arguments(self.folder, method))
        except InputError as error:
            return str(error)
        return ""

    def _computed(self, problem: str) -> None:
        self._computing, self._problem = "", problem
        if problem:
            self._method = "pca"
            self._show_parts()
        else:
            self._reading.ask(self._read)

    @property
    def _map(self) -> "Map | None":
        """The requested map, or the PCA map until it is there."""
        maps = self._stored.maps if self._stored is not None else {}
        return maps.get(self._method) or maps.get("pca")

    def _choose(self, cluster: int) -> None:
        if cluster != self.chosen:
            self.chosen = cluster
            self._show_parts()
            self.query_one("#table-scroll").scroll_to_region(region_of(cluster), animate=False)
            self.query_one("#images-scroll").scroll_home(animate=False)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        parts = waiting(snapshot), snapshot.clusters, snapshot.choice, snapshot.balanced, snapshot.warnings
        self._picture("facts").show(parts, lambda w, _, p: facts(snapshot, w, p))
        self.set_class(snapshot.clusters is None, "empty")
        if snapshot.clusters is None:
            return
        if snapshot.clusters != self._clustered:
            self._clustered = snapshot.clusters
            self.chosen = min(self.chosen, len(snapshot.clusters.table) - 1)
            self._stored, self._asked = None, False
            self._reading.forget()
        # The event of the clusters precedes the artifacts of the stage.
        if not self._asked and any(s.name == "cluster" and s.state in DONE for s in snapshot.stages):
            self._asked = True
            self._reading.ask(self._read)
        self._show_parts()
        self.call_after_refresh(self._fit)

    def _read(self) -> Stored:
        from core.explore.pictures import read_map, read_samples
        from experiments.maps import METHODS

        return Stored({method: read_map(self.folder, method) for method in METHODS}, read_samples(self.folder))

    def _show_parts(self) -> None:
        if self.snapshot is None or self._clustered is None:
            return
        clustered, balanced, chosen = parts = self._clustered, self.snapshot.balanced, self.chosen
        self._picture("table").show(parts, lambda w, _, p: heat_table(clustered, balanced, chosen, w, p))
        found, note = self._map, self._note
        colour = self._colour if self._colour in colours_of(found) else COLOURS[0]
        self._picture("map").show(
            (found, colour, chosen, note),
            lambda w, h, p: picture(found, colour, chosen, note, w, h, p, marks=self.app.no_color),
        )
        samples = self._stored.samples if self._stored is not None else None
        missing = "This run stored no images." if self._stored is not None else "Images appear when the stage is done."
        shown = samples, clustered, balanced, chosen, missing
        self._picture("images").show(
            shown,
            lambda w, h, p: tiles(*shown, w, h, p, colour=not self.app.no_color, dark=self.app.current_theme.dark),
        )

    @property
    def _note(self) -> str:
        if self._computing:
            return COMPUTING[self._computing]
        if self._problem:
            return f"The map cannot be computed: {safe(self._problem)}"
        if self._stored is None:
            return "The map appears when the stage is done."
        return "" if self._map is not None else "This run stored no map. Press the t-SNE key to compute one."

    def _fit(self) -> None:
        """Give the images the remaining height, or a view of their own if there is none."""
        left = self.query_one("#left").size.height
        above = sum(self.query_one(name).outer_size.height + 1 for name in ("#facts", "#table-scroll"))
        self.set_class(self.has_class("one") and left - above < LEAST_IMAGES, "crowded")
        if room := self.query_one("#images-scroll").size.height:
            self._picture("images").give_room(room)


def facts(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """How checkpoint and number of clusters were chosen, and warnings; before that, why there are none yet."""
    clusters, chosen, balanced = snapshot.clusters, snapshot.choice, snapshot.balanced
    if clusters is None:
        return wrap(ink(waiting(snapshot), palette.muted), width)
    told, reasons = [f"k = {len(clusters.table)}"], []
    if chosen is not None and chosen.candidates:
        taken = chosen.candidates[chosen.chosen]
        told += [f"from {trained_to(taken['epoch'])}", f"skew {taken['skew']:.2f}"]
        reasons.append(f"Why: {safe(chosen.reason)}.")
    if balanced is not None:
        total = sum(map(sum, clusters.table))
        share = f" of {total:,} images" if total else ""
        reasons.append(f"The balanced set has {balanced.size:,} entries{share}, by rule '{safe(balanced.rule)}'.")
    doubts = [warned for warned in snapshot.warnings if warned.stage in STAGES]
    return [
        heading("Choice", " · ".join(told), width, palette),
        *(line for reason in reasons for line in wrap(ink(reason, palette.muted), width)),
        *warning_lines(doubts, width, palette, len(doubts)),
    ]


def waiting(snapshot: Snapshot) -> str:
    """Say why there are no clusters; empty if there are."""
    if snapshot.clusters is not None:
        return ""
    if any(stage.name == "cluster" and stage.state == "running" for stage in snapshot.stages):
        return "Trying several checkpoints and numbers of clusters …"
    return words.waiting(snapshot, "clusters", "cluster")
