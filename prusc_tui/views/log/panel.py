"""Events and console of a run: followed while it is active, searchable, scrollable back to the beginning."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from core.feed.snapshot import Snapshot
from core.runs.record import ACTIVE
from core.runs.text import safe_text
from experiments.actions import log_path
from prusc_tui.keys import bindings, motions
from prusc_tui.palette import Palette
from prusc_tui.views.log import VIEW
from prusc_tui.views.log.tail import KEPT, Console, LogTail, Piece
from prusc_tui.views.log.view import LogView
from prusc_tui.widgets.bars import fit, ink
from prusc_tui.widgets.filter_bar import FilterBar
from prusc_tui.widgets.panel import Panel
from prusc_tui.widgets.picture import Picture

EVENTS, CONSOLE = "events", "console"
NO_CONSOLE = "No console: the process of this run printed to its own terminal."


@dataclass
class _Source:
    """One of the two logs: its reader, used by one thread at a time, and pending requests."""

    view: LogView
    reader: LogTail | Console
    nothing: str
    busy: bool = False
    newer: bool = False
    older: int = 0
    to_top: bool = False
    earlier: int = 0
    read: bool = False
    problem: str = ""


class SearchBar(FilterBar, inherit_bindings=False):
    """The search text; ↑ and ↓ step through the hits."""

    DEFAULT_CSS = "SearchBar #note { color: $foreground-muted; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
    ]

    @dataclass
    class Step(Message):
        """Go to the next or previous hit."""

        by: int

    def action_step(self, by: int) -> None:
        self.post_message(self.Step(by))


class LogPanel(Panel, can_focus=True):
    """The log of a run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(VIEW.keys),
        *motions(last=False),
        Binding("space", "page(1)", show=False),
        Binding("escape", "leave_search", show=False),
    ]
    DEFAULT_CSS = """
    LogPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    LogPanel #where { height: 1; }
    """

    _shown = EVENTS

    def compose(self) -> ComposeResult:
        events, console = LogTail(self.folder.events), Console(partial(log_path, self.folder))
        self._sources = {
            EVENTS: _Source(LogView(), events, "No events yet."),
            CONSOLE: _Source(LogView(), console, "The process has printed nothing."),
        }
        yield Picture(self._where, id="where")
        yield from (source.view for source in self._sources.values())
        yield SearchBar("search")

    @property
    def _source(self) -> _Source:
        return self._sources[self._shown]

    @property
    def view(self) -> LogView:
        """The lines in front."""
        return self._source.view

    def show_snapshot(self, snapshot: Snapshot) -> None:  # noqa: ARG002
        self._look()
        self._say()

    def on_mount(self) -> None:
        self._sources[CONSOLE].view.display = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        # Escape leaves the search first, then the screen.
        return action != "leave_search" or self._searching

    @property
    def _searching(self) -> bool:
        return any(bar.shown for bar in self.query(SearchBar))

    @property
    def _needle(self) -> str:
        return self.query_one(SearchBar).text

    def action_toggle_source(self) -> None:
        self.view.search("")
        self._shown = EVENTS if self._shown == CONSOLE else CONSOLE
        for name, source in self._sources.items():
            source.view.display = name == self._shown
        self._look()
        if self._searching:
            self._search(self._needle)
        self._say()

    def action_search(self) -> None:
        self.query_one(SearchBar).ask()
        self._search(self._needle)

    def action_leave_search(self) -> None:
        """Remove the highlights, but keep the position."""
        self.query_one(SearchBar).remove_class("shown")
        self.view.search("")
        self.focus()
        self._say()

    def action_end(self) -> None:
        self._source.to_top = False
        self.view.follow()
        self._look()

    def action_first(self) -> None:
        self.view.move(-(10**9))
        self._read_back(KEPT)
        self._source.to_top = self._source.busy

    def action_move(self, by: int) -> None:
        self._source.to_top = False
        self.view.move(by)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.view.size.height - 1))

    @on(FilterBar.Changed)
    def _typed(self, message: FilterBar.Changed) -> None:
        message.stop()
        if self._searching:
            self._search(message.text)

    @on(FilterBar.Left)
    def _entered(self, message: FilterBar.Left) -> None:
        message.stop()
        if self._searching:
            self.view.next_hit(1)
            self._say()
        else:
            self.action_leave_search()

    @on(SearchBar.Step)
    def _step(self, message: SearchBar.Step) -> None:
        message.stop()
        self.view.next_hit(message.by)
        self._say()

    @on(LogView.Moved)
    def _moved(self, message: LogView.Moved) -> None:
        message.stop()
        if message.top and not self.view.following:
            self._read_back(1)
        self._say()

    def _take(self, source: _Source, piece: Piece) -> None:
        if piece.place == "after":
            source.view.append(piece.lines, piece.unfinished)
        elif piece.place == "anew":
            source.view.replace(piece.lines, piece.unfinished)
        else:
            source.view.prepend(piece.lines)
        source.read = True
        if piece.place != "after":
            source.earlier = piece.earlier
        self._say()

    def _done(self, source: _Source, problem: str) -> None:
        """Called when a thread has finished reading; `problem` says why it failed."""
        source.busy, source.problem = False, problem
        source.view.say(problem or source.nothing)
        if source.newer or source.older:
            self._start(source)
        elif source.to_top:
            source.to_top = False
            source.view.move(-(10**9))
        self._say()

    def _look(self) -> None:
        """Read new lines of the log in front."""
        self._source.newer = True
        self._start(self._source)

    def _read_back(self, lines: int) -> None:
        """Read at least this many earlier lines, in whole chunks."""
        source = self._source
        if source.earlier and not source.view.full and isinstance(source.reader, Console):
            source.older = max(source.older, lines)
            self._start(source)

    def _start(self, source: _Source) -> None:
        if source.busy:
            return
        source.busy = True
        work = partial(self._work, source, source.newer, 0 if source.view.full else source.older)
        source.newer, source.older = False, 0
        # A daemon does not delay the exit.
        threading.Thread(target=work, name="reading", daemon=True).start()

    def _work(self, source: _Source, newer: bool, older: int) -> None:
        """On a thread: read, until there are no listeners."""
        reader, problem = source.reader, ""
        try:
            pieces: list[Iterable[Piece]] = [reader.newer()] if newer else []
            if older and isinstance(reader, Console):
                pieces.append(reader.older(older))
            for piece in chain.from_iterable(pieces):
                if not self.call_later(self._take, source, piece):
                    return
        except FileNotFoundError:
            problem = NO_CONSOLE
        except OSError as error:
            problem = f"The log cannot be read ({error.strerror})."
        self.call_later(self._done, source, problem)

    def _search(self, needle: str) -> None:
        if needle:
            self._read_back(KEPT)
        self.view.search(needle)
        self._say()

    def _say(self) -> None:
        """Update position and number of hits."""
        if not self.is_mounted:
            return
        self.query_one("#where", Picture).touch()
        view = self.view
        at = view.hits.index(view.hit) + 1 if view.hit in view.hits else 0
        hits = f"{at:,} of {len(view.hits):,}" if view.hits else "not found" if self._needle else ""
        self.query_one(SearchBar).note(Text(f"{hits}  ↓ next · ↑ previous · esc done" if hits else "esc done"))

    def _where(self, width: int, _height: int, palette: Palette) -> list[Text]:
        """Position on the left, a hint at a key on the right."""
        left, right = self._place(palette), self._hint(palette)
        room = width - right.cell_len - 2
        return [fit(left, room).append("  ").append_text(right) if room >= left.cell_len else fit(left, width)]

    def _place(self, palette: Palette) -> Text:
        source, view = self._source, self.view
        left = ink(self._shown, f"bold {palette.text}")
        before = source.earlier + view.dropped
        total = before + view.count
        if not view.count:
            left.append("  reading …" if not source.read and not source.problem else "", palette.muted)
        elif view.following and view.hit is None:
            left.append("  following ▾" if self._status in ACTIVE else "  at the end", palette.accent)
            left.append(f"  {total:,} lines", palette.muted)
        else:
            place = view.last_seen if view.hit is None else view.hit
            left.append(f"  line {before + place + 1:,} of {total:,}", palette.muted)
            if before and view.full:
                left.append(f"  the first {before:,} are only in the file", palette.muted)
        if source.problem and view.count:
            left.append(f"  {safe_text(source.problem)}", palette.warn)
        return left

    def _hint(self, palette: Palette) -> Text:
        if self._shown == CONSOLE:
            return ink("c shows the events", palette.muted)
        hint = "c shows the console, with the traceback" if self._status == "failed" else "c shows the console"
        return ink(hint, f"bold {palette.bad}" if self._status in ("failed", "lost") else palette.muted)

    @property
    def _status(self) -> str:
        return self.snapshot.status if self.snapshot is not None else "running"
