"""The files of a run by stage: sizes, descriptions, and which other runs share them."""

from functools import partial
from pathlib import Path
from typing import ClassVar, cast

from rich.text import Text
from textual.binding import BindingType
from textual.events import Click
from textual.strip import Strip

from core.feed.snapshot import Snapshot
from core.runs.record import RunRecord
from core.words import size_of
from prusc_tui.keys import bindings
from prusc_tui.palette import Palette
from prusc_tui.views.artifacts import VIEW
from prusc_tui.views.artifacts.files import File, StageFiles, survey
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten
from prusc_tui.widgets.panel import Panel, Reading
from prusc_tui.widgets.sectioned_list import SectionedList

SIZE = 9  # cells of a size
LONGEST_NAME = 36
ROOM_FOR_BOTH = 56  # width from which a line has both description and sharing


class ArtifactsPanel(SectionedList[File], Panel):
    """The files of a run, read again when the state of a stage or of the run changes."""

    HEADING = StageFiles
    HEAD: ClassVar[int] = 2
    BINDINGS: ClassVar[list[BindingType]] = bindings(VIEW.keys)
    DEFAULT_CSS = "ArtifactsPanel { padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._state: object = None
        self._rooms: tuple[StageFiles, ...] | None = None
        self._problem = ""
        self._reading = Reading(self, self._take)

    def name_of(self, entry: File) -> Path:
        return entry.path

    def show_snapshot(self, snapshot: Snapshot) -> None:
        state = snapshot.status, tuple((stage.name, stage.state) for stage in snapshot.stages)
        if state != self._state:
            self._state = state
            self._reading.ask(partial(self._read, snapshot.record))

    def on_click(self, event: Click) -> None:
        # The first click moved the cursor to the file.
        if event.chain == 2 and self.place_under(event) is not None:
            self.action_copy_path()

    def action_copy_path(self) -> None:
        if (file := self.current) is not None:
            path = str(file.path)
            self.app.copy_to_clipboard(path)
            self.notify(safe(path), title="Copied", markup=False, timeout=3)

    def draw_head(self, y: int) -> Strip:
        return self._across(self._totals() if y == 0 else ink(""))

    def draw_entry(self, entry: object, here: bool) -> Text:
        if isinstance(entry, StageFiles):
            return _head(entry, self._width, self._palette)
        return _row(cast(File, entry), self._width, self._palette, "▌" if here else " ", self.has_focus)

    def _read(self, record: RunRecord) -> tuple[StageFiles, ...] | str:
        """On a thread: list the files, or say why that failed."""
        try:
            return survey(self.folder, record)
        except OSError as error:
            return f"{self.folder.path}: cannot be read ({error.strerror})"

    def _take(self, found: tuple[StageFiles, ...] | str) -> None:
        self._rooms, self._problem = ((), found) if isinstance(found, str) else (found, "")
        lines: list[StageFiles | File | None] = []
        for room in self._rooms:
            lines += [*([None] if lines else []), room, *room.files]
        self.set_lines(lines)
        self._repaint()

    def _totals(self) -> Text:
        width, palette = self._width, self._palette
        if self._problem:
            return ink(safe(self._problem), palette.bad)
        if self._rooms is None:
            return ink("reading …", palette.muted)
        files = [file for room in self._rooms for file in room.files]
        line = ink(size_of(sum(file.size for file in files)), f"bold {palette.text}")
        line.append(f" in {len(files):,} {'file' if len(files) == 1 else 'files'}", palette.text)
        if shared := sum(file.size for file in files if file.linked):
            line.append(f", {size_of(shared)} of it shared with other runs", palette.muted)
        path = shorten(safe(str(self.folder.path)), max(0, width - line.cell_len - 3))
        room = width - line.cell_len - len(path)
        return line.append(" " * room).append(path, palette.muted) if room > 2 and len(path) > 12 else line


def _head(room: StageFiles, width: int, palette: Palette) -> Text:
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
    # In narrow lines, only the mark and the heading of the stage show sharing.
    if room >= ROOM_FOR_BOTH:
        words.append(more, palette.accent)
    line.append_text(fit(words, room)).append(" ").append("↔ " if file.shared else "  ", palette.accent)
    return line.append_text(fit(size_of(file.size), SIZE, palette.text, right=True))
