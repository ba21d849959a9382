"""Images of a group of a run, and what its networks look at."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click

from core.errors import InputError
from core.feed.snapshot import Snapshot
from core.paths import expanded
from core.runs.folder import RunFolder
from core.runs.record import ACTIVE
from core.runs.text import as_file_name, safe_text
from prusc_tui.keys import bindings
from prusc_tui.palette import palette_in
from prusc_tui.report.look import MAPS
from prusc_tui.views.look import VIEW
from prusc_tui.views.look.choice import HEADS, choice, row_at
from prusc_tui.views.look.page import USUAL, Page, page_lines, per_page, tiles_of, zoomed
from prusc_tui.widgets.bars import ink, safe, wrap
from prusc_tui.widgets.dialogs import LineScreen
from prusc_tui.widgets.panel import Panel, Reading
from prusc_tui.widgets.picture import Picture
from prusc_tui.words import attributes_sentence, waiting

if TYPE_CHECKING:
    from core.explore.look import Kind, Look
    from prusc_tui.views.look.stored import Stored

WIDE = 116  # width from which the groups are beside the images
LEAST_ROWS = 4  # groups above the images, at least if there are as many
AHEAD = 16  # images whose maps are computed at once
DONE = ("done", "reused")
NOTHING = "Not computed yet. Press {key} to compute the maps of these images on the CPU; the run keeps them."
COUNTING = "Counting what the networks get right in every cell …"


class LookPanel(Panel, can_focus=True):
    """The groups of a run, and images of one of them, page by page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(VIEW.keys),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
    ]
    DEFAULT_CSS = """
    LookPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    LookPanel #choice { height: auto; margin-bottom: 1; }
    LookPanel #page { height: 1fr; }
    LookPanel.low #choice { margin-bottom: 0; }
    LookPanel.wide { layout: horizontal; padding: 1 1 0 1; }
    LookPanel.wide #choice { height: 100%; width: 36; margin: 0 3 0 0; }
    LookPanel.empty { padding: 1 2; }
    LookPanel.empty #page { display: none; }
    LookPanel.empty #choice { width: 1fr; height: auto; }
    """

    def __init__(self) -> None:
        super().__init__(classes="empty")
        self._kind: Kind = "group"
        self._chosen: dict[str, int] = {}
        self._last = False
        """Whether the mistakes of the last network come first."""
        self._stored: Stored | None = None
        self._read_for: object = None
        self._first, self._zoom, self._maps = 0, USUAL, True
        self._next: int | None = None
        """First image of the page to turn to once it is stored."""
        self._job: object = None
        self._note, self._problem = "", ""
        self._reading = Reading(self, self._take)
        self._work = Reading(self, self._worked)
        self._export = Reading(self, self._exported)

    def compose(self) -> ComposeResult:
        yield Picture(id="choice")
        yield Picture(id="page")

    def on_resize(self) -> None:
        self.set_class(self.outer_size.width >= WIDE, "wide")
        self.set_class(self.outer_size.height < 30, "low")
        self._show()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        done = tuple(stage.name for stage in snapshot.stages if stage.state in DONE)
        key = done, len(snapshot.evaluations), snapshot.status
        if key != self._read_for:
            self._read_for = key
            self._read()
        self._show()

    # Keys

    def action_row(self, by: int) -> None:
        if (stored := self._stored) is not None and stored.counts is not None:
            self._choose(min(max(0, self._at(stored) + by), len(stored.counts.titles) - 1))

    def action_page(self, by: int) -> None:
        """Turn the page; what is not stored is computed."""
        if (look := self._look) is None:
            return
        count = self._per_page
        first = min(max(0, self._first // count + by) * count, look.total - 1) // count * count
        self._next = first
        self._turn()
        if min(first + count, look.total) > len(look.seen):
            self._compute(first + count)

    def action_first(self) -> None:
        self._next = 0
        self._turn()

    def action_last(self) -> None:
        """Show the last stored page."""
        if (look := self._look) is not None:
            self._next = len(look.seen) - 1
            self._turn()

    def action_compute(self) -> None:
        """Compute the maps of the group that is looked at, or count the images of the cells."""
        if self._stored is not None and self._stored.stages and self._stored.counts is None:
            self._count()
        elif self._look is None:
            self._compute(1)

    def action_toggle_maps(self) -> None:
        self._maps = not self._maps
        self._show()

    def action_toggle_kind(self) -> None:
        if self.snapshot is None:
            return
        if self._kind == "group" and self.snapshot.pseudo_groups is None:
            self.app.notify(waiting(self.snapshot, "pseudo-groups", "find"), markup=False)
            return
        self._kind = "cell" if self._kind == "group" else "group"
        self._turn_to_other()

    def action_toggle_by(self) -> None:
        """Show the mistakes of the other network first."""
        if self._stored is not None and len(self._stored.stages) > 1:
            self._last = not self._last
            self._turn_to_other()

    def action_zoom(self, by: int) -> None:
        width, height = self.query_one("#page").size
        if self._look is not None and width and height:
            self._zoom = zoomed(self._page, by, width, height, palette_in(self.app))
            self._show()

    def action_export(self) -> None:
        """Ask for a file, and write the page into it."""
        from experiments.actions import file_name

        if (look := self._look) is None or self.snapshot is None:
            return
        count = self._per_page
        start = self._first // count * count
        name = as_file_name(look.title.replace(" · ", "-")) or look.kind
        value = f"export/{file_name(self.snapshot.record)}/look-{name}-{start + 1}.png"
        hint = "a PNG file: the images of this page, each as it is and with the maps"
        part = look.part(start, start + count)
        self.app.push_screen(
            LineScreen("Write the page to", value, hint, _check_file), partial(self._start_export, part)
        )

    @on(Click, "#choice")
    def _clicked(self, event: Click) -> None:
        if (stored := self._stored) is not None and stored.counts is not None:
            room = self.query_one("#choice").size
            height = room.height if self.has_class("wide") else self._picture("choice").room
            at = row_at(stored.counts, self._at(stored), event.y, height, room.width, palette_in(self.app))
            if at is not None:
                self._choose(at)

    # What is stored

    @property
    def _look(self) -> "Look | None":
        """The stored images of the chosen group."""
        stored = self._stored
        return stored.look if stored is not None and self._at(stored) == stored.chosen else None

    def _at(self, stored: "Stored") -> int:
        """Number of the chosen group, which may still be read."""
        return self._chosen.get(stored.kind, stored.chosen)

    def _choose(self, number: int) -> None:
        if self._stored is not None and number != self._at(self._stored):
            self._chosen[self._stored.kind] = number
            self._turn_to_other()

    def _turn_to_other(self) -> None:
        """Read another group, or the same one in another order."""
        self._first, self._next, self._problem = 0, None, ""
        self._read()
        self._show()

    def _turn(self) -> None:
        """Turn to the next page if it is stored."""
        if self._next is not None and (look := self._look) is not None and self._next < len(look.seen):
            self._first, self._next = self._next, None
        self._show()

    def _read(self) -> None:
        if self.snapshot is not None:
            self._reading.ask(
                partial(_read, self.folder, self.snapshot, self._kind, self._chosen.get(self._kind), self._last)
            )

    def _take(self, stored: "Stored") -> None:
        self._stored = stored
        if stored.counts is not None:
            self._chosen[stored.kind] = stored.chosen
        elif stored.stages and not self._problem:
            self._count()
        self._turn()

    # Work in other processes

    def _compute(self, until: int) -> None:
        """Have images up to a place and their maps computed."""
        from experiments.actions import look_at

        if (stored := self._stored) is None or stored.counts is None:
            return
        total = stored.counts.totals[stored.chosen]
        n = min(total, -(-max(1, until) // AHEAD) * AHEAD)
        there = len(stored.look.seen) if stored.look is not None else 0
        if n > there:
            self._start(
                (stored.kind, stored.chosen, stored.by, n),
                f"computing images {there + 1:,}–{n:,} …",
                partial(look_at, self.folder, stored.kind, stored.title, stored.by, n),
            )

    def _count(self) -> None:
        from experiments.actions import count_cells

        self._start(self._kind, COUNTING, partial(count_cells, self.folder))

    def _start(self, job: object, note: str, work: Callable[[], object]) -> None:
        """Start some work, unless it is being done; whatever else is being done is stored, but not waited for."""
        if job != self._job:
            self._job, self._note, self._problem = job, note, ""
            self._work.ask(partial(_problem_of, work))
            self._show()

    def _worked(self, problem: str) -> None:
        self._job, self._note, self._problem = None, "", problem
        self._read()

    def _start_export(self, part: "Look", text: str | None) -> None:
        if text is not None and self.snapshot is not None:
            file = expanded(text.strip()).absolute()
            self._export.ask(partial(_export, part, self.snapshot.record.name, file))

    def _exported(self, outcome: tuple[str, bool]) -> None:
        sentence, written = outcome
        severity: Literal["information", "error"] = "information" if written else "error"
        self.app.notify(safe_text(sentence), severity=severity, markup=False)

    # From state to lines

    @property
    def _page(self) -> Page:
        stored = self._stored
        assert stored is not None
        assert stored.counts is not None
        if self._at(stored) != stored.chosen:
            return Page(stored.counts.titles[self._at(stored)], None, note="reading …")
        at_work = isinstance(self._job, tuple) and self._job[:3] == (stored.kind, stored.chosen, stored.by)
        note = f"cannot be computed: {safe(self._problem)}" if self._problem else self._note if at_work else ""
        if stored.look is None:
            total = stored.counts.totals[stored.chosen]
            nothing = NOTHING.format(key=self._compute_key) if total else "This group has no image on this split."
            note = f"{note[:1].upper()}{note[1:]}" or nothing
        return Page(stored.title, stored.look, self._first, self._zoom, self._maps, note)

    @property
    def _compute_key(self) -> str:
        """The key as the footer shows it, which the user may have changed."""
        active = (one.binding for one in self.screen.active_bindings.values()) if self.is_attached else ()
        shown = (self.app.get_key_display(binding) for binding in active if binding.id == "look.compute")
        return next(shown, "enter")

    @property
    def _per_page(self) -> int:
        """Images on a page; 1 before there are any."""
        width, height = self.query_one("#page").size
        if self._look is None or not width or not height:
            return 1
        return per_page(tiles_of(self._page, width, height, palette_in(self.app)), width, height)

    @property
    def _missing(self) -> str:
        """Why there is nothing to look at; empty if there is."""
        stored, snapshot = self._stored, self.snapshot
        if stored is None or snapshot is None:
            return "reading …"
        if not stored.stages:
            if snapshot.status in ACTIVE:
                return "There is no evaluated network yet; images can be looked at once there is one."
            return f"There is nothing to look at: the run is {snapshot.status}, and has no evaluated network."
        if stored.counts is None:
            return f"The cells cannot be counted: {safe(self._problem)}" if self._problem else COUNTING
        return ""

    def _show(self) -> None:
        missing = self._missing
        self.set_class(bool(missing), "empty")
        self._fit()
        if missing:
            self._picture("choice").show(missing, lambda w, _, p: wrap(ink(missing, p.muted), w))
            return
        stored, page = self._stored, self._page
        assert stored is not None
        counts, chosen, about = stored.counts, self._at(stored), self._about
        assert counts is not None
        self._picture("choice").show((counts, chosen, about), lambda w, h, p: choice(counts, chosen, about, w, h, p))
        self._picture("page").show(
            page,
            lambda w, h, p: page_lines(page, w, h, p, colour=not self.app.no_color, dark=self.app.current_theme.dark),
        )

    @property
    def _about(self) -> str:
        """How to read the maps, and what the run knew of the attributes, where there is room for it."""
        if not self.has_class("wide") or self.snapshot is None:
            return ""
        record = self.snapshot.record
        used = attributes_sentence(record.attributes_used, record.selection)
        return f"{MAPS} {used[:1].upper()}{used[1:]}."

    def _fit(self) -> None:
        """Give the groups the lines that they need, at most a third."""
        counts = self._stored.counts if self._stored is not None else None
        rows = len(counts.titles) if counts is not None else LEAST_ROWS
        most = max(LEAST_ROWS, self.size.height // 3 - HEADS)
        self._picture("choice").give_room(HEADS + min(rows, most))


def _read(folder: RunFolder, snapshot: Snapshot, kind: "Kind", chosen: int | None, last: bool) -> "Stored":
    from prusc_tui.views.look.stored import read

    return read(folder, snapshot, kind, chosen, last)


def _problem_of(work: Callable[[], object]) -> str:
    """On a thread: do it, and say why if it fails."""
    try:
        work()
    except InputError as error:
        return str(error)
    return ""


def _export(part: "Look", name: str, file: Path) -> tuple[str, bool]:
    """On a thread: write the picture; return a sentence, and whether it was written."""
    from prusc_tui.views.look.stored import write_sheet

    try:
        return write_sheet(part, name, file), True
    except OSError as error:
        return f"{file}: cannot be written ({error.strerror})", False


def _check_file(text: str) -> None:
    file = expanded(text.strip())
    if file.suffix.lower() != ".png":
        raise InputError("needs the name of a PNG file, such as mistakes.png")
    if file.exists():
        raise InputError(f"{safe_text(text.strip())} is already there; choose another name")
