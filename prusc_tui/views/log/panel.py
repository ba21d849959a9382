"""What a run said, and the console of its process: followed while it works, searched, read back to the beginning."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from core.runs.record import ACTIVE
from core.runs.text import safe_text
from experiments.actions import log_path
from prusc_tui.keys import bindings
from prusc_tui.palette import Palette
from prusc_tui.views.log.tail import KEPT, Console, Piece, Story
from prusc_tui.views.log.view import LogView
from prusc_tui.widgets.bars import fit, ink
from prusc_tui.widgets.drawing import Drawing
from prusc_tui.widgets.quiet import QuietInput

EVENTS, CONSOLE = "events", "console"
NO_CONSOLE = "No console: the process of this run printed to its own terminal."


@dataclass
class _Source:
    """One of the two logs: its reader, which one thread at a time uses, and what is wanted of it."""

    reader: Story | Console
    busy: bool = False
    again: bool = False
    older: int = 0
    to_top: bool = False
    earlier: int = 0
    read: bool = False
    problem: str = ""


class _Line(QuietInput):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "next_hit(1)", show=False),
        Binding("up", "next_hit(-1)", show=False),
        Binding("pagedown", "hand_on('page', 1)", show=False),
        Binding("pageup", "hand_on('page', -1)", show=False),
    ]

    def action_next_hit(self, by: int) -> None:
        """Go to the next hit, or the previous one."""
        self.post_message(LogPanel.Step(by))

    def action_hand_on(self, what: str, by: int) -> None:
        """Scroll while one types."""
        panel = next(node for node in self.ancestors if isinstance(node, LogPanel))
        getattr(panel, f"action_{what}")(by)


class Where(Drawing):
    """The line that says what is shown and where in it one is."""

    DEFAULT_CSS = """
    Where { height: 1; width: 1fr; }
    """

    def __init__(self, say: Callable[[Palette], tuple[Text, Text]]) -> None:
        super().__init__(id="where")
        self._say = say

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:  # noqa: ARG002
        """Where one is on the left, what a key would do on the right."""
        left, right = self._say(palette)
        room = width - right.cell_len - 2
        return [fit(left, room).append("  ").append_text(right) if room >= left.cell_len else fit(left, width)]


class LogPanel(Widget, can_focus=True):
    """The log of a run.

    Args:
        folder: where the run is; its files are read off the event loop.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("log"),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f,space", "page(1)", show=False),
        Binding("home,g", "begin", show=False),
        Binding("escape", "leave_search", show=False),
    ]
    DEFAULT_CSS = """
    LogPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    LogPanel #search { height: 1; display: none; background: $surface; }
    LogPanel.searching #search { display: block; }
    LogPanel #slash { width: 2; }
    LogPanel Input, LogPanel Input:focus { width: 1fr; padding: 0; background: $surface; }
    LogPanel #hits { width: auto; padding: 0 1; color: $foreground-muted; }
    """

    class Read(Message):
        """A piece of a log was read."""

        def __init__(self, name: str, piece: Piece) -> None:
            super().__init__()
            self.name = name
            self.piece = piece

    class Done(Message):
        """A thread is through with a log; `problem` says what kept it from reading."""

        def __init__(self, name: str, problem: str) -> None:
            super().__init__()
            self.name = name
            self.problem = problem

    class Step(Message):
        """Go to the next hit, or the previous one."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, folder: RunFolder, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._sources = {EVENTS: _Source(Story(folder.events)), CONSOLE: _Source(Console(log_path(folder)))}
        self._shown = EVENTS
        self._said = ""

    def compose(self) -> ComposeResult:
        """Where one is; the lines; what is searched for."""
        yield Where(self._where)
        yield LogView(id=EVENTS)
        yield LogView(id=CONSOLE)
        with Horizontal(id="search"):
            yield Static("/", id="slash")
            yield _Line(placeholder="search", compact=True, select_on_focus=False)
            yield Static(id="hits")

    @property
    def view(self) -> LogView:
        """The lines that are shown."""
        return self.query_one(f"#{self._shown}", LogView)

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; cheap where nothing is."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        if self.is_mounted:
            self._look()
            self._say()

    def on_mount(self) -> None:
        """Show what came before there was a place for it."""
        self.query_one(f"#{CONSOLE}").display = False
        if self._snapshot is not None:
            self._look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Escape leaves a search first, then the screen."""
        return self.has_class("searching") if action == "leave_search" else True

    def action_toggle_source(self) -> None:
        """Show the other log."""
        self.view.search("")
        self._shown = EVENTS if self._shown == CONSOLE else CONSOLE
        for name in self._sources:
            self.query_one(f"#{name}").display = name == self._shown
        self._look()
        if self.has_class("searching"):
            self._search(self.query_one(Input).value)
        self._say()

    def action_search(self) -> None:
        """Ask for a text."""
        self.add_class("searching")
        self.query_one(Input).focus()
        self._search(self.query_one(Input).value)

    def action_leave_search(self) -> None:
        """Put the lights out, and stay where one is."""
        self.remove_class("searching")
        self.view.search("")
        self.focus()
        self._say()

    def action_end(self) -> None:
        """Go to the end and follow."""
        self._sources[self._shown].to_top = False
        self.view.follow()
        self._look()

    def action_begin(self) -> None:
        """Go to the first line there is."""
        self.view.move(-(10**9))
        self._read_back(KEPT)
        self._sources[self._shown].to_top = self._sources[self._shown].busy

    def action_move(self, by: int) -> None:
        """Scroll by a row."""
        self._sources[self._shown].to_top = False
        self.view.move(by)

    def action_page(self, by: int) -> None:
        """Scroll by what is seen at once."""
        self._sources[self._shown].to_top = False
        self.view.page(by)

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        if self.has_class("searching"):
            self._search(message.value)

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        self.post_message(self.Step(1))

    @on(Step)
    def _step(self, message: Step) -> None:
        message.stop()
        self.view.next_hit(message.by)
        self._say()

    @on(LogView.Moved)
    def _moved(self, message: LogView.Moved) -> None:
        message.stop()
        if message.top and not self.view.following:
            self._read_back(1)
        self._say()

    @on(Read)
    def _take(self, message: Read) -> None:
        message.stop()
        view, piece, source = self.query_one(f"#{message.name}", LogView), message.piece, self._sources[message.name]
        if piece.place == "after":
            view.append(piece.lines, piece.unfinished)
        elif piece.place == "anew":
            view.replace(piece.lines, piece.unfinished)
        else:
            view.prepend(piece.lines)
        source.read = True
        if piece.place != "after":
            source.earlier = piece.earlier
        self._say()

    @on(Done)
    def _done(self, message: Done) -> None:
        message.stop()
        source, view = self._sources[message.name], self.query_one(f"#{message.name}", LogView)
        source.busy, source.problem = False, message.problem
        empty = "The run has said nothing yet." if message.name == EVENTS else "The process has printed nothing."
        view.say(message.problem or empty)
        if source.again or source.older:
            again, source.again = source.again, False
            self._start(message.name, again)
        elif source.to_top:
            source.to_top = False
            view.move(-(10**9))
        self._say()

    def _look(self) -> None:
        """Read what is new in the log that is shown."""
        source = self._sources[self._shown]
        source.again = source.busy
        if not source.busy:
            self._start(self._shown, True)

    def _read_back(self, lines: int) -> None:
        """Read so many of the lines before the first, or a chunk."""
        source = self._sources[self._shown]
        if source.earlier and not self.view.full and isinstance(source.reader, Console):
            source.older = max(source.older, lines)
            if not source.busy:
                self._start(self._shown, False)

    def _start(self, name: str, newer: bool) -> None:
        source = self._sources[name]
        source.busy = True
        older = 0 if self.query_one(f"#{name}", LogView).full else source.older
        source.older = 0
        self.run_worker(partial(self._work, name, newer, older), thread=True, group=name, exit_on_error=False)

    def _work(self, name: str, newer: bool, older: int) -> None:
        """On a thread: read."""
        reader, problem, worker = self._sources[name].reader, "", get_current_worker()
        try:
            pieces: list[Iterable[Piece]] = [reader.newer()] if newer else []
            if older and isinstance(reader, Console):
                pieces.append(reader.older(older))
            for each in pieces:
                for piece in each:
                    if worker.is_cancelled:
                        return
                    self.post_message(self.Read(name, piece))
        except FileNotFoundError:
            problem = NO_CONSOLE
        except OSError as error:
            problem = f"The log cannot be read ({error.strerror})."
        self.post_message(self.Done(name, problem))

    def _search(self, needle: str) -> None:
        if needle:
            self._read_back(KEPT)
        self.view.search(needle)
        self._say()

    def _say(self) -> None:
        """Say where one is, and how many hits there are."""
        if not self.is_mounted:
            return
        self.query_one(Where).touch()
        view = self.view
        at = view.hits.index(view.hit) + 1 if view.hit in view.hits else 0
        hits = f"{at:,} of {len(view.hits):,}" if view.hits else "not found" if self.query_one(Input).value else ""
        said = f"{hits}  ↓ next · ↑ previous · esc done" if hits else "esc done"
        if said != self._said:
            self._said = said
            self.query_one("#hits", Static).update(Text(said))

    def _where(self, palette: Palette) -> tuple[Text, Text]:
        source, view = self._sources[self._shown], self.view
        left = ink(self._shown, f"bold {palette.text}")
        status = self._snapshot.status if self._snapshot is not None else "running"
        before = source.earlier + view.dropped
        total = before + view.count
        if not view.count:
            left.append("  reading …" if not source.read and not source.problem else "", palette.muted)
        elif view.following and view.hit is None:
            left.append("  following ▾" if status in ACTIVE else "  at the end", palette.accent)
            left.append(f"  {total:,} lines", palette.muted)
        else:
            place = view.last_seen if view.hit is None else view.hit
            left.append(f"  line {before + place + 1:,} of {total:,}", palette.muted)
            if before and view.full:
                left.append(f"  the first {before:,} are in the file only", palette.muted)
        if source.problem and view.count:
            left.append(f"  {safe_text(source.problem)}", palette.warn)
        if self._shown == CONSOLE:
            return left, ink("c shows the events", palette.muted)
        failed = status in ("failed", "lost")
        hint = "c shows the console, with the traceback" if status == "failed" else "c shows the console"
        return left, ink(hint, f"bold {palette.bad}" if failed else palette.muted)
