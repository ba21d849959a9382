"""Any number of log lines: wrapped at words, drawn only where visible, following the end."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from re import escape, finditer

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from prusc_tui.palette import palette_in
from prusc_tui.views.log.tail import KEPT, Line
from prusc_tui.widgets.quiet import News
from prusc_tui.widgets.themed import Themed


class LogView(Themed, ScrollView, can_focus=False):
    """Shows lines; its panel handles the keys."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LogView {
        width: 1fr; height: 1fr; background: $background; color: $foreground;
        overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
    }
    """

    @dataclass
    class Moved(News):
        """Other lines are visible; `top` is whether the first line is near."""

        top: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.hits: list[int] = []
        self.hit: int | None = None
        self._entries: list[Line] = []
        self._unfinished = ""
        self._ends: list[int] = []
        self._wrapped = 0
        self._needle = ""
        self._nothing = ""
        self.dropped = 0
        """Number of lines that were removed at the beginning."""

    @property
    def full(self) -> bool:
        """Whether there is no room for earlier lines."""
        return self.dropped > 0 or len(self._entries) >= KEPT

    @property
    def count(self) -> int:
        """Number of lines held, including the unfinished one."""
        return len(self._entries)

    @property
    def last_seen(self) -> int:
        """Index of the last visible line."""
        return max(0, min(self.count - 1, bisect_right(self._ends, self._top + max(0, self.size.height - 1))))

    def say(self, nothing: str) -> None:
        """Set the text shown when there are no lines."""
        if nothing != self._nothing:
            self._nothing = nothing
            if not self._entries:
                self.refresh()

    def replace(self, lines: Sequence[Line], unfinished: str = "") -> None:
        """Show these lines instead, from their end."""
        self._entries, self._unfinished, self._ends, self.dropped = [], "", [], 0
        self.hits, self.hit, self.following = [], None, True
        self.append(lines, unfinished)
        self.refresh()

    def append(self, lines: Sequence[Line], unfinished: str = "") -> None:
        """Add lines at the end; `unfinished` replaces the previous unfinished line."""
        if not lines and unfinished == self._unfinished:
            return
        if self._unfinished:
            del self._entries[-1], self._ends[-1]
            if self.hits and self.hits[-1] == self.count:
                self.hit = None if self.hit == self.hits.pop() else self.hit
        fresh = [*lines, Line(unfinished)] if unfinished else lines
        begin, self._unfinished = len(self._entries), unfinished
        self._entries += fresh
        self.hits += self._search(fresh, begin)
        self._measure(fresh)
        # A tenth of slack, so that not every new line moves all others.
        if len(self._entries) > KEPT + KEPT // 10:
            self._drop(len(self._entries) - KEPT)
        self._settle()
        # Lines that replace others or fill free space do not scroll, so they need a refresh.
        if self._rows <= self._top + self.size.height or self.following:
            self.refresh()

    def prepend(self, lines: Sequence[Line]) -> None:
        """Add lines before the first; the visible ones stay in place."""
        if not lines:
            return
        top, rows = self._top, self._rows
        self._entries[:0] = lines
        self.hits = [*self._search(lines, 0), *(hit + len(lines) for hit in self.hits)]
        self.hit = None if self.hit is None else self.hit + len(lines)
        ends, self._ends = self._ends, []
        self._measure(lines)
        more = self._rows
        self._ends += [end + more for end in ends]
        self._settle(top + self._rows - rows)

    def follow(self) -> None:
        """Go to the end, and stay there as lines arrive."""
        self.following = True
        self._settle()
        self.post_message(self.Moved(False))

    def move(self, rows: int) -> None:
        self.scroll_to(y=self._top + rows, animate=False, force=True)

    def search(self, needle: str) -> None:
        """Highlight lines that contain the text, ignoring case; go to the nearest one at or above the last visible."""
        self._needle = needle.lower()
        self.hits = self._search(self._entries, 0)
        from_here = self.last_seen if self.hit is None else self.hit
        before = bisect_right(self.hits, from_here)
        self.hit = self.hits[max(0, before - 1)] if self.hits else None
        self._reveal()
        self.refresh()

    def next_hit(self, by: int) -> None:
        """Go to the next or previous hit, wrapping around."""
        if self.hits:
            place = bisect_right(self.hits, self.last_seen if self.hit is None else self.hit) - 1
            self.hit = self.hits[(place + by) % len(self.hits)]
            self._reveal()
            self.refresh()

    def theme_changed(self) -> None:
        self.refresh()

    def on_resize(self) -> None:
        """Wrap for the new width; the line at the top, or the end, stays in place."""
        if self._wrapped != self._room:
            first = bisect_right(self._ends, self._top)
            self._ends = []
            self._measure(self._entries)
            self._settle(self._ends[first - 1] if 0 < first <= len(self._ends) else 0)
        elif self.following:
            self._settle()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow only while the end is visible."""
        super().watch_scroll_y(old_value, new_value)
        self.following = new_value >= self.max_scroll_y
        self.post_message(self.Moved(new_value < 2 * self.size.height))

    def render_line(self, y: int) -> Strip:
        width, row = self._room, self._top + y
        ground, palette = self.rich_style, palette_in(self.app)
        if row >= self._rows:
            text = self._nothing if y == 1 and not self._entries else ""
            return Strip([Segment(text, ground + Style.parse(palette.muted))]).adjust_cell_length(width, ground)
        place = bisect_right(self._ends, row)
        line = self._entries[place]
        part = row - (self._ends[place - 1] if place else 0)
        lead = line.lead
        # The measured width: the current one may differ until the lines are wrapped again.
        rest = broken(line.text, max(1, self._wrapped - lead))
        segments = []
        if lead and part:
            segments.append(Segment(" " * lead, ground))
        elif lead:
            segments.append(Segment(f"{line.when} ", ground + Style.parse(palette.muted)))
            segments.append(Segment(f"{line.mark} ", ground + Style.parse(getattr(palette, line.level))))
        body = palette.text if line.level in ("accent", "good") else str(getattr(palette, line.level))
        found = f"bold reverse {palette.accent}" if place == self.hit else f"underline {palette.accent}"
        for text, hit in self._lit(rest, part):
            segments.append(Segment(text, ground + Style.parse(found if hit else body)))
        return Strip(segments).adjust_cell_length(width, ground)

    @property
    def _room(self) -> int:
        # A usual width until there is a layout; then the lines are wrapped again.
        return self.scrollable_content_region.width or 80

    @property
    def _rows(self) -> int:
        return self._ends[-1] if self._ends else 0

    @property
    def _top(self) -> int:
        return int(self.scroll_offset.y)

    def _lit(self, parts: Sequence[str], part: int) -> list[tuple[str, bool]]:
        """One row of a line in pieces, each with whether it matches the search; a hit may continue in the next row."""
        text, begin = parts[part], sum(map(len, parts[:part]))
        if not self._needle:
            return [(text, False)]
        stretches, at = [], 0
        for hit in finditer(escape(self._needle), "".join(parts).lower()):
            first, end = max(at, hit.start() - begin), hit.end() - begin
            if first < min(end, len(text)):
                stretches += [(text[at:first], False), (text[first:end], True)]
                at = end
        return [*stretches, (text[at:], False)]

    def _search(self, lines: Iterable[Line], begin: int) -> list[int]:
        if not self._needle:
            return []
        return [place for place, line in enumerate(lines, begin) if self._needle in line.text.lower()]

    def _reveal(self) -> None:
        if self.hit is None:
            return
        row = self._ends[self.hit - 1] if self.hit else 0
        if not self._top <= row < self._top + self.size.height:
            self.scroll_to(y=max(0, row - self.size.height // 2), animate=False, force=True)

    def _measure(self, fresh: Sequence[Line]) -> None:
        self._wrapped = room = self._room
        heights = (len(broken(line.text, max(1, room - line.lead))) for line in fresh)
        self._ends += list(accumulate(heights, initial=self._rows))[1:]

    def _drop(self, lines: int) -> None:
        """Remove the first `lines` lines; the visible ones stay in place."""
        rows, top = self._ends[lines - 1], self._top
        self.dropped += lines
        del self._entries[:lines]
        self._ends = [end - rows for end in self._ends[lines:]]
        self.hits = [hit - lines for hit in self.hits if hit >= lines]
        self.hit = None if self.hit is None or self.hit < lines else self.hit - lines
        self._settle(max(0, top - rows))

    def _settle(self, top: int | None = None) -> None:
        """Make room for all rows; scroll to the end when following, else to row `top`."""
        following = self.following
        size = Size(self._room, self._rows)
        if size != self.virtual_size:
            self.virtual_size = size
        if following:
            self.scroll_to(y=max(0, self._rows - self.size.height), animate=False, force=True)
        elif top is not None:
            self.scroll_to(y=top, animate=False, force=True)
            self.refresh()
        self.following = following


def broken(text: str, width: int) -> list[str]:
    """Split a text into rows of at most `width` cells, after spaces if possible; joined they are the text."""
    if len(text) <= width and (text.isascii() or cell_len(text) <= width):
        return [text]
    rows = []
    while text:
        # ASCII has as many characters as cells.
        row = text[:width] if text.isascii() else chop_cells(text[: width + 1], width)[0] or text[:1]
        if len(row) < len(text) and not text[len(row)].isspace():
            blank = row.rfind(" ") + 1
            # A word longer than most of a row, such as a path, is cut.
            row = row[:blank] if blank > width // 3 else row
        elif len(row) < len(text):
            # The space at the break lies beyond the edge, where nothing is drawn.
            row = text[: len(row) + 1]
        rows.append(row)
        text = text[len(row) :]
    return rows or [""]
