"""The files of a run: by stage, how large, what each is, and which of them other runs share."""

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from core.feed.snapshot import Snapshot
from core.runs.folder import RunFolder
from prusc_tui.keys import bindings
from prusc_tui.palette import Palette
from prusc_tui.views.artifacts.files import File, Room, size_of, survey
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten
from prusc_tui.widgets.cursor_list import CursorList

SIZE = 9
"""Cells of a size."""
LONGEST_NAME = 36
ROOM_FOR_BOTH = 56
"""Cells from which a line says what the file is and whom it is shared with."""


class ArtifactsPanel(CursorList):
    """The files of a run.

    Args:
        folder: where the run is; it is looked through off the event loop, when a stage or the run changes its state.
    """

    HEAD: ClassVar[int] = 2
    """The totals, a blank."""
    BINDINGS: ClassVar[list[BindingType]] = bindings("artifacts")
    DEFAULT_CSS = "ArtifactsPanel { padding: 0 1; }"

    class Found(Message):
        """The folder was looked through."""

        def __init__(self, generation: int, rooms: tuple[Room, ...], problem: str) -> None:
            super().__init__()
            self.generation = generation
            self.rooms = rooms
            self.problem = problem

    def __init__(self, folder: RunFolder, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._folder = folder
        self._snapshot: Snapshot | None = None
        self._state: object = None
        self._generation = 0
        self._rooms: tuple[Room, ...] | None = None
        self._problem = ""
        self._listed: list[Room | File | None] = []

    @property
    def current(self) -> File | None:
        """The file under the cursor."""
        entry = self._listed[self._at] if self._at < len(self._listed) else None
        return entry if isinstance(entry, File) else None

    @property
    def count(self) -> int:
        """Lines of the list: stages, files, blanks."""
        return len(self._listed)

    @property
    def stops(self) -> list[int]:
        """Places of the files."""
        return [place for place, entry in enumerate(self._listed) if isinstance(entry, File)]

    def is_heading(self, place: int) -> bool:
        """Whether there is the heading of a stage."""
        return isinstance(self._listed[place], Room)

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; the folder is looked through where the state of the run or of a stage is another."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        if self.is_mounted:
            self._look()

    def on_mount(self) -> None:
        """Show what came before there was a place for it."""
        if self._snapshot is not None:
            self._look()

    def on_click(self, event: Click) -> None:
        """Put the cursor on a file; twice copies its path."""
        if (place := self.place_under(event)) is not None:
            self._go(place)
            if event.chain == 2:
                self.action_copy_path()

    def action_copy_path(self) -> None:
        """Give the path of the file to the clipboard."""
        if (file := self.current) is not None:
            path = str(file.path)
            self.app.copy_to_clipboard(path)
            self.notify(safe(path), title="Copied", markup=False, timeout=3)

    def draw_head(self, y: int) -> Strip:
        """Draw the totals, and a blank below."""
        return self._across(self._totals(self._width, self._palette) if y == 0 else ink(""))

    def draw_line(self, place: int) -> Strip:
        """Draw a file, the heading of a stage, or a blank."""
        entry = self._listed[place] if place < len(self._listed) else None
        if entry is None:
            return self._across(ink(""))
        if isinstance(entry, Room):
            return self._across(_head(entry, self._width, self._palette))
        here = place == self._at
        line = _row(entry, self._width, self._palette, "▌" if here else " ", self.has_focus)
        return self._across(line, here)

    @on(Found)
    def _found(self, message: Found) -> None:
        message.stop()
        if message.generation != self._generation:
            return
        was = self.current
        self._rooms, self._problem = message.rooms, message.problem
        self._listed = []
        for room in message.rooms:
            self._listed += [*([None] if self._listed else []), room, *room.files]
        files = self.stops
        same = [i for i in files if was is not None and self._listed[i].path == was.path]  # type: ignore[union-attr]
        self._at = (same or files or [0])[0]
        self._measure()
        if was is not None:
            self._reveal()
        self._repaint()

    def _look(self) -> None:
        """Have the folder looked through, unless it was in this very state."""
        if self._snapshot is None:
            return
        snapshot = self._snapshot
        state = snapshot.status, tuple((stage.name, stage.state) for stage in snapshot.stages)
        if state != self._state:
            self._state = state
            self._generation += 1
            read = partial(self._read, self._generation, snapshot)
            self.run_worker(read, thread=True, group="artifacts", exit_on_error=False)

    def _read(self, generation: int, snapshot: Snapshot) -> None:
        """On a thread: look through the folder."""
        rooms: tuple[Room, ...] = ()
        problem = ""
        try:
            rooms = survey(self._folder, snapshot.record)
        except OSError as error:
            problem = f"{self._folder.path}: cannot be read ({error.strerror})"
        self.post_message(self.Found(generation, rooms, problem))

    def _totals(self, width: int, palette: Palette) -> Text:
        """How much there is in all, and where."""
        if self._problem:
            return ink(safe(self._problem), palette.bad)
        if self._rooms is None:
            return ink("reading …", palette.muted)
        files = [file for room in self._rooms for file in room.files]
        line = ink(size_of(sum(file.size for file in files)), f"bold {palette.text}")
        line.append(f" in {len(files):,} {'file' if len(files) == 1 else 'files'}", palette.text)
        if shared := sum(file.size for file in files if file.linked):
            line.append(f", {size_of(shared)} of it shared with other runs", palette.muted)
        path = shorten(safe(str(self._folder.path)), max(0, width - line.cell_len - 3))
        room = width - line.cell_len - len(path)
        return line.append(" " * room).append(path, palette.muted) if room > 2 and len(path) > 12 else line


def _head(room: Room, width: int, palette: Palette) -> Text:
    total = size_of(sum(file.size for file in room.files))
    line = heading(room.title, room.note, width - SIZE - 1, palette)
    return line.append(" ").append_text(fit(total, SIZE, f"bold {palette.text}", right=True))


def _row(file: File, width: int, palette: Palette, bar: str, focused: bool) -> Text:
    name = min(LONGEST_NAME, max(16, width // 2 - 4))
    room = max(0, width - name - 7 - SIZE)
    line = ink(bar, palette.accent if focused else palette.muted).append(" ")
    line.append_text(fit(shorten(safe(file.name), name), name, palette.text)).append("  ")
    words = ink(file.what, palette.muted)
    more = f"{' · ' if file.what else ''}{safe(file.shared)}" if file.shared else ""
    # Where there is no room for whom it is shared with, the mark and the heading of the stage say it.
    if room >= ROOM_FOR_BOTH:
        words.append(more, palette.accent)
    line.append_text(fit(words, room)).append(" ").append("↔ " if file.shared else "  ", palette.accent)
    return line.append_text(fit(size_of(file.size), SIZE, palette.text, right=True))
