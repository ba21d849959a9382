"""The files of a run: by stage, how large, what each is, and which of them other runs share."""

from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.runs.folder import RunFolder
from core.runs.snapshot import Snapshot
from prusc_tui.draw.bars import fit, heading, ink, safe, shorten
from prusc_tui.keys import bindings
from prusc_tui.palette import SHELL, Palette
from prusc_tui.work.files import File, Room, size_of, survey

HEAD = 2
"""Lines that do not scroll: the totals, a blank."""
SIZE = 9
"""Cells of a size."""
LONGEST_NAME = 36
ROOM_FOR_BOTH = 56
"""Cells from which a line says what the file is and whom it is shared with."""


class ArtifactsPanel(ScrollView, can_focus=True):
    """The files of a run.

    Args:
        folder: where the run is; it is looked through off the event loop, when a stage or the run changes its state.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("artifacts"),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "move(-100000)", show=False),
        Binding("end,G", "move(100000)", show=False),
    ]
    COMPONENT_CLASSES = {"artifacts--cursor"}  # noqa: RUF012
    DEFAULT_CSS = """
    ArtifactsPanel {
        width: 1fr; height: 1fr; padding: 0 1; background: $background; color: $foreground;
        overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        & > .artifacts--cursor { background: $primary 22%; }
    }
    """

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
        self._at = 0
        self._drawn: dict[int, Strip] = {}

    @property
    def current(self) -> File | None:
        """The file under the cursor."""
        entry = self._listed[self._at] if self._at < len(self._listed) else None
        return entry if isinstance(entry, File) else None

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; the folder is looked through where the state of the run or of a stage is another."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        if self.is_mounted:
            self._look()

    def on_mount(self) -> None:
        """Follow the theme; show what came before there was a place for it."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._restyle())
        if self._snapshot is not None:
            self._look()

    def on_resize(self) -> None:
        """Fit the lines to the width."""
        self._measure()
        self._reveal()
        self._restyle()

    def on_focus(self) -> None:
        """Show that the keys come here."""
        self._repaint()

    def on_blur(self) -> None:
        """Show that the keys go elsewhere."""
        self._repaint()

    def on_click(self, event: Click) -> None:
        """Put the cursor on a file; twice copies its path."""
        offset = event.get_content_offset(self)
        place = self.scroll_offset.y + offset.y - HEAD if offset is not None and offset.y >= HEAD else -1
        if 0 <= place < len(self._listed) and isinstance(self._listed[place], File):
            self._go(place)
            if event.chain == 2:
                self.action_copy_path()

    def action_move(self, by: int) -> None:
        """Put the cursor so many files further on, as far as there are any."""
        files = self._files
        if files:
            here = files.index(self._at) if self._at in files else 0
            self._go(files[min(max(0, here + by), len(files) - 1)])

    def action_page(self, by: int) -> None:
        """Go up or down by what is seen at once."""
        self.action_move(by * max(1, self._seen - 2))

    def action_copy_path(self) -> None:
        """Give the path of the file to the clipboard."""
        if (file := self.current) is not None:
            path = str(file.path)
            self.app.copy_to_clipboard(path)
            self.notify(safe(path), title="Copied", markup=False, timeout=3)

    def render_line(self, y: int) -> Strip:
        """Draw the line at `y`: the totals, then the list from where one has scrolled to."""
        strip = self._line(y)
        self._drawn[y] = strip
        return strip

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
        files = self._files
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

    @property
    def _palette(self) -> Palette:
        palette: Any = getattr(self.app, "palette", SHELL)
        return palette if isinstance(palette, Palette) else SHELL

    @property
    def _files(self) -> list[int]:
        """Places of the files in the list."""
        return [place for place, entry in enumerate(self._listed) if isinstance(entry, File)]

    @property
    def _width(self) -> int:
        return max(1, self.scrollable_content_region.width)

    @property
    def _seen(self) -> int:
        """Lines of the list that are seen at once."""
        return max(1, self.size.height - HEAD)

    def _go(self, place: int) -> None:
        self._at = place
        self._reveal()
        self._repaint()

    def _measure(self) -> None:
        size = Size(self._width, len(self._listed) + HEAD)
        if size != self.virtual_size:
            self.virtual_size = size

    def _reveal(self) -> None:
        """Scroll to the cursor; the heading of its stage comes with its first file."""
        top = self.scroll_offset.y
        first = (
            self._at - 1 if 0 < self._at <= len(self._listed) and isinstance(self._listed[self._at - 1], Room) else None
        )
        above = self._at if first is None else first
        if above < top:
            self.scroll_to(y=above, animate=False, force=True)
        elif self._at >= top + self._seen:
            self.scroll_to(y=self._at - self._seen + 1, animate=False, force=True)

    def _restyle(self) -> None:
        self._drawn.clear()
        self.refresh()

    def _repaint(self) -> None:
        for y in range(self.size.height):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self._width, 1))

    def _line(self, y: int) -> Strip:
        width, palette, ground = self._width, self._palette, self.rich_style
        place = self.scroll_offset.y + y - HEAD
        line: Text = ink("")
        if y == 0:
            line = self._totals(width, palette)
        elif y >= HEAD and place < len(self._listed):
            entry = self._listed[place]
            if isinstance(entry, Room):
                line = _head(entry, width, palette)
            elif entry is not None:
                here = place == self._at
                line = _row(entry, width, palette, "▌" if here else " ", self.has_focus)
                if here and palette.background == "default":
                    line = line[:1].append_text(Text(line.plain[1:], "reverse"))
                elif here:
                    ground = self.get_component_rich_style("artifacts--cursor")
        return Strip(line.render(self.app.console)).adjust_cell_length(width).apply_style(ground)

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
