"""The pseudo-groups of a run: finder, composition, quality, map and images."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Click

from core.errors import InputError
from core.feed.snapshot import Snapshot
from core.paths import expanded
from core.runs.text import safe_text
from prusc_tui.keys import bindings
from prusc_tui.views.groups import VIEW
from prusc_tui.views.groups.facts import facts, waiting
from prusc_tui.views.groups.heat import HEADS, filled_rows, heat_table, region_of
from prusc_tui.views.groups.scatter import COLOURS, colours_of, picture
from prusc_tui.views.groups.tiles import conflicts_page, conflicts_per_page, tiles
from prusc_tui.widgets.bars import safe
from prusc_tui.widgets.dialogs import LineScreen
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
LONG = 30.0  # seconds that the command which gives a table back stays on the screen
COMPUTING = {"pca": "Computing the PCA map …", "tsne": "Computing t-SNE, about ten seconds …"}


class Stored(NamedTuple):
    """Stored results: a map per method, sample images, and images of the conflict samples; None if missing."""

    maps: "dict[str, Map | None]"
    samples: "Samples | None"
    conflicts: "Samples | None"


class GroupsPanel(Panel, can_focus=True):
    """The pseudo-groups of a run; class `paging` shows its conflict samples instead, page by page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(VIEW.keys),
        Binding("escape", "leave_conflicts", "groups"),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
    ]
    DEFAULT_CSS = """
    GroupsPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    GroupsPanel #map { height: 1fr; }
    GroupsPanel #left { height: 1fr; width: 1fr; }
    GroupsPanel #table-scroll { height: auto; max-height: 50%; scrollbar-size-vertical: 1; margin-top: 1; }
    GroupsPanel #images-scroll { height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; margin-top: 1; }
    GroupsPanel.wide { layout: horizontal; padding: 1 1 0 1; }
    GroupsPanel.wide #left { width: 11fr; }
    GroupsPanel.wide #map { width: 10fr; height: 100%; margin-left: 3; }
    GroupsPanel.tall #left { height: 3fr; }
    GroupsPanel.tall #map { height: 2fr; margin-top: 1; }
    GroupsPanel.one #table-scroll { max-height: 100%; }
    GroupsPanel.one.map #left, GroupsPanel.one.table #map, GroupsPanel.one.images #map { display: none; }
    GroupsPanel.one.images #table-scroll, GroupsPanel.one.images #facts { display: none; }
    GroupsPanel.one.images #images-scroll { margin-top: 0; }
    GroupsPanel.crowded.table #images-scroll { display: none; }
    GroupsPanel.empty #table-scroll, GroupsPanel.empty #images-scroll, GroupsPanel.empty #map { display: none; }
    GroupsPanel.empty #left { padding-top: 1; display: block; }
    GroupsPanel.empty #facts { display: block; }
    GroupsPanel #conflicts { height: 1fr; display: none; }
    GroupsPanel.paging #conflicts { display: block; }
    GroupsPanel.paging #left, GroupsPanel.paging #map { display: none; }
    """

    def __init__(self) -> None:
        super().__init__(classes="table empty")
        self.chosen = 0
        self._found: PseudoGroupsFound | None = None
        self._stored: Stored | None = None
        self._method = "pca"
        self._colour = COLOURS[0]
        self._computing = ""
        self._problem = ""
        self._asked = False
        self._reading = Reading(self, self._take)
        self._map_reading = Reading(self, self._computed)
        self._export = Reading(self, self._exported)
        self._first = 0
        """Place of a conflict sample on the page in front."""

    def compose(self) -> ComposeResult:
        with Vertical(id="left"):
            yield Picture(id="facts")
            with Scroll(id="table-scroll"):
                yield Picture(id="table")
            with Scroll(id="images-scroll"):
                yield Picture(id="images")
        yield Picture(id="map")
        yield Picture(id="conflicts")

    def on_resize(self) -> None:
        wide = self.outer_size.width >= WIDE and self.outer_size.height >= HIGH
        tall = not wide and self.outer_size.height >= TALL
        self.set_class(wide, "wide")
        self.set_class(tall, "tall")
        self.set_class(not wide and not tall, "one")
        self.call_after_refresh(self._fit)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Pages have keys of their own."""
        if action in ("first", "last", "leave_conflicts"):
            return self.has_class("paging")
        return action not in ("next_colour", "toggle_method", "next_view") or not self.has_class("paging")

    def action_row(self, by: int) -> None:
        if self.has_class("paging"):
            self.action_page(by)
        elif self._found is not None:
            rows = filled_rows(self._found)
            at = rows.index(self.chosen) if self.chosen in rows else 0
            self._choose(rows[min(max(0, at + by), len(rows) - 1)])

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
        if self._found is not None:
            now = next(view for view in VIEWS if self.has_class(view))
            self.remove_class(now)
            self.add_class(VIEWS[(VIEWS.index(now) + 1) % len(VIEWS)])
            self.call_after_refresh(self._fit)

    def action_toggle_conflicts(self) -> None:
        """Show all conflict samples page by page, or the pseudo-groups again."""
        if self._found is not None:
            self.toggle_class("paging")
            self.refresh_bindings()
            self._show_parts()

    def action_leave_conflicts(self) -> None:
        self.action_toggle_conflicts()

    def action_first(self) -> None:
        self._turn_to(0)

    def action_last(self) -> None:
        self._turn_to(self._pages()[1])

    def action_page(self, by: int) -> None:
        if self.has_class("paging"):
            self._turn_to(self._first + by * self._pages()[0])
            return
        scroll = self.query_one("#images-scroll", Scroll)
        scroll.scroll_relative(y=by * max(1, scroll.size.height - 1), animate=False)

    def action_export(self) -> None:
        """Ask for a file, and write the table of pseudo-groups into it."""
        from experiments.actions import file_name

        if self._found is None or self.snapshot is None:
            return
        value = f"export/{file_name(self.snapshot.record)}/groups.csv"
        hint = "a CSV file to correct: rename a pseudo-group, or leave it empty to drop an image"
        screen = LineScreen("Write the pseudo-groups to", value, hint, _check_file)
        self.app.push_screen(screen, self._start_export)

    @on(Click, "#table")
    def _row_clicked(self, event: Click) -> None:
        place = event.y - HEADS
        if self._found is not None and 0 <= place < len(rows := filled_rows(self._found)):
            self._choose(rows[place])

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

    def _start_export(self, text: str | None) -> None:
        if text is None:
            return
        self.app.notify("writing the pseudo-groups …")
        self._export.ask(partial(self._write, expanded(text.strip()).absolute()))

    def _write(self, file: Path) -> tuple[str, bool]:
        """On a thread: have another process write the table; return a sentence, and whether it was written."""
        from experiments.actions import export_groups

        try:
            return export_groups(self.folder, file), True
        except InputError as error:
            return str(error), False

    def _exported(self, outcome: tuple[str, bool]) -> None:
        sentence, written = outcome
        severity: Literal["information", "error"] = "information" if written else "error"
        self.app.notify(safe_text(sentence), severity=severity, timeout=LONG, markup=False)

    def _pages(self) -> tuple[int, int]:
        """Conflict samples on a page, and the place of the last one; (1, 0) if there are none."""
        shown = self._stored.conflicts if self._stored is not None else None
        if shown is None:
            return 1, 0
        size = self.query_one("#conflicts").size
        return conflicts_per_page(shown, size.width, size.height), len(shown.tiles) - 1

    def _turn_to(self, place: int) -> None:
        """Show the page with a conflict sample, the nearest one if there is no such place."""
        per_page, last = self._pages()
        self._first = min(max(0, place), last) // per_page * per_page
        self._show_parts()

    @property
    def _map(self) -> "Map | None":
        """The requested map, or the PCA map until it is there."""
        maps = self._stored.maps if self._stored is not None else {}
        return maps.get(self._method) or maps.get("pca")

    def _choose(self, number: int) -> None:
        if number != self.chosen and self._found is not None:
            self.chosen = number
            self._show_parts()
            place = filled_rows(self._found).index(number)
            self.query_one("#table-scroll").scroll_to_region(region_of(place), animate=False)
            self.query_one("#images-scroll").scroll_home(animate=False)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        found = snapshot.pseudo_groups
        parts = waiting(snapshot), found, snapshot.choice, snapshot.balanced, snapshot.warnings
        self._picture("facts").show(parts, lambda w, _, p: facts(snapshot, w, p))
        self.set_class(found is None, "empty")
        if found is None:
            return
        if found != self._found:
            self._found, rows = found, filled_rows(found)
            self.chosen = self.chosen if self.chosen in rows else min(rows, default=0)
            self._stored, self._asked = None, False
            self._reading.forget()
        # The event precedes the artifacts of its stage.
        if not self._asked and any(s.name == found.stage and s.state in DONE for s in snapshot.stages):
            self._asked = True
            self._reading.ask(self._read)
        self._show_parts()
        self.call_after_refresh(self._fit)

    def _read(self) -> Stored:
        from core.explore.pictures import read_conflicts, read_map, read_samples
        from experiments.maps import METHODS

        maps = {method: read_map(self.folder, method) for method in METHODS}
        return Stored(maps, read_samples(self.folder), read_conflicts(self.folder))

    def _show_parts(self) -> None:
        if self.snapshot is None or self._found is None:
            return
        stored, later = self._stored, "Images appear when the stage is done."
        if self.has_class("paging"):
            missing = later if stored is None else "This run stored no images of conflict samples."
            page = stored and stored.conflicts, self._first, missing
            self._picture("conflicts").show(
                page, lambda w, h, p: conflicts_page(*page, w, h, p, colour=not self.app.no_color, dark=self._dark)
            )
            return
        found, balanced, chosen = parts = self._found, self.snapshot.balanced, self.chosen
        self._picture("table").show(parts, lambda w, _, p: heat_table(found, balanced, chosen, w, p))
        points, note = self._map, self._note
        by = self._colour if self._colour in colours_of(points) else COLOURS[0]
        self._picture("map").show(
            (points, by, chosen, note),
            lambda w, h, p: picture(points, by, found.titles, chosen, note, w, h, p, marks=self.app.no_color),
        )
        missing = later if stored is None else "This run stored no images."
        shown = stored and stored.samples, found, balanced, chosen, missing
        self._picture("images").show(
            shown, lambda w, h, p: tiles(*shown, w, h, p, colour=not self.app.no_color, dark=self._dark)
        )

    @property
    def _dark(self) -> bool:
        return self.app.current_theme.dark

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


def _check_file(text: str) -> None:
    if not text.strip():
        raise InputError("needs a file, such as groups.csv")
    if expanded(text.strip()).exists():
        raise InputError(f"{safe_text(text.strip())} exists, perhaps with corrections; choose another name")
