"""A list of entries under headings; the cursor stays on its entry when others change."""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar, cast

from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from prusc_tui.widgets.bars import ink
from prusc_tui.widgets.cursor_list import CursorList

Entry = TypeVar("Entry")


class SectionedList(CursorList, Generic[Entry]):
    """Subclasses define headings, names of entries, and drawing; None is an empty line."""

    HEADING: ClassVar[type]
    """Class of the headings, which the cursor skips."""

    class Moved(Message):
        """The cursor moved, or the lines changed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.listed: Sequence[object] = ()
        self._strips: dict[tuple[int, bool, bool], Strip] = {}

    def name_of(self, entry: Entry) -> object:
        """Identity of an entry while its contents change."""
        raise NotImplementedError

    def draw_entry(self, entry: object, here: bool) -> Text:
        """Draw a heading or an entry, which has the cursor if `here`."""
        raise NotImplementedError

    @property
    def current(self) -> Entry | None:
        """The entry under the cursor; None if there is none."""
        return cast(Entry, self.listed[self._at]) if self._at in self.stops else None

    @property
    def count(self) -> int:
        return len(self.listed)

    @property
    def stops(self) -> list[int]:
        return [place for place, one in enumerate(self.listed) if one is not None and not isinstance(one, self.HEADING)]

    def is_heading(self, place: int) -> bool:
        return isinstance(self.listed[place], self.HEADING)

    def draw_line(self, place: int) -> Strip:
        entry = self.listed[place] if place < len(self.listed) else None
        here = place == self._at and place in self.stops
        key = place, here, self.has_focus
        if key not in self._strips:
            self._strips[key] = self._across(ink("") if entry is None else self.draw_entry(entry, here), here)
        return self._strips[key]

    def on_click(self, event: Click) -> None:
        if (place := self.place_under(event)) is not None:
            self._go(place)

    def set_lines(self, lines: Sequence[object], keep: bool = True) -> None:
        """Show lines; the cursor stays on its entry if it still exists, or goes to the first without `keep`."""
        if lines == self.listed:
            return
        was = self.current if keep else None
        name = None if was is None else self.name_of(was)
        self.listed = lines
        stops = self.stops
        same = [place for place in stops if name is not None and self.name_of(cast(Entry, lines[place])) == name]
        self._at = (same or stops or [0])[0]
        self._measure()
        self._reveal()
        self._repaint()
        self.moved()

    def _measure(self) -> None:
        self._strips.clear()
        super()._measure()

    def _restyle(self) -> None:
        self._strips.clear()
        super()._restyle()

    def moved(self) -> None:
        self.post_message(self.Moved())
