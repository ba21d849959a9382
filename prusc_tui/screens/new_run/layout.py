"""The two halves of the form of a new run: the list of fields, and the help area."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from core.runs.text import safe_text
from prusc_tui.palette import Palette, palette_in
from prusc_tui.screens.new_run.field import FieldRow
from prusc_tui.screens.new_run.fields import Field
from prusc_tui.widgets.quiet import put

if TYPE_CHECKING:
    from experiments.plan import Plan
    from prusc_tui.screens.new_run.form import Form

MARKS = {"good": "✓", "bad": "✗", "warn": "■", "accent": "▸"}
"""Role of the state → its mark, for terminals without colour."""
HELP_LINES = 3
"""Lines of help below the form."""


class FieldList(VerticalScroll, can_focus=False):
    """Sections of fields, one below the other; ↑ ↓ and tab go by fields, page keys by sections."""

    DEFAULT_CSS = """
    FieldList { height: 1fr; width: 1fr; padding: 0 1; scrollbar-size-vertical: 1; background: $background; }
    FieldList .heading { height: 1; margin-top: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    FieldList:disabled { opacity: 100%; }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("up,shift+tab", "go(-1)", "previous field", show=False),
        Binding("down,tab", "go(1)", "next field", show=False),
        Binding("pageup", "turn(-1)", "previous section", show=False),
        Binding("pagedown", "turn(1)", "next section", show=False),
        Binding("home", "end(0)", "first field", show=False),
        Binding("end", "end(-1)", "last field", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._last = "recipe"

    @property
    def current(self) -> FieldRow | None:
        focused = self.screen.focused
        around = focused.ancestors_with_self if focused is not None else ()
        return next((row for row in around if isinstance(row, FieldRow)), None)

    @property
    def rows(self) -> list[FieldRow]:
        """The visible fields, from top to bottom."""
        return [row for row in self.query(FieldRow) if row.display]

    def keys(self) -> list[str]:
        return [row.key for row in self.rows]

    async def build(self, fields: Sequence[Field], about: Mapping[str, str], focus: str) -> None:
        palette = palette_in(self.app)
        found: list[Widget] = []
        for section, group in groupby(fields, key=lambda field: field.setting.section):
            if section:
                heading = Text.assemble((section, f"bold {palette.accent}"), "   ", (about[section], palette.muted))
                found.append(Static(heading, classes="heading"))
            found += [FieldRow(field) for field in group]
        with self.app.batch_update():
            await self.remove_children()
            await self.mount_all(found)
        self.focus_key(focus, "recipe")

    def show(self, fields: Mapping[str, Field]) -> None:
        for row in self.query(FieldRow):
            if row.key in fields:
                row.show(fields[row.key])

    def focus_key(self, *keys: str) -> None:
        """Focus the first visible one of these fields."""
        rows = {row.key: row for row in self.rows}
        if (key := next((key for key in keys if key in rows), None)) is not None:
            _give(rows[key])

    def focus_again(self) -> None:
        self.focus_key(self._last, "recipe")

    def on_descendant_focus(self) -> None:
        if (row := self.current) is not None:
            self._last = row.key

    def action_go(self, by: int) -> None:
        rows = self.rows
        at = rows.index(self.current) + by if self.current in rows else 0
        if 0 <= at < len(rows):
            _give(rows[at])

    def action_turn(self, by: int) -> None:
        rows = self.rows
        at = rows.index(self.current) if self.current in rows else 0
        firsts = [next(group) for _, group in groupby(rows, key=lambda row: row.field.setting.section)]
        if by > 0 and rows:
            _give(next((row for row in firsts if rows.index(row) > at), rows[-1]))
        elif rows:
            _give(next((row for row in reversed(firsts) if rows.index(row) < at), rows[0]))

    def action_end(self, at: int) -> None:
        if self.rows:
            _give(self.rows[at])


class Aside(Vertical):
    """Help of the field, changes, command line and state, beside or below the form."""

    DEFAULT_CSS = """
    Aside { width: 100%; height: 9; padding: 0 1; border-top: solid $panel; background: $background; }
    Aside #help { height: 3; }
    Aside #differs { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Aside #command { height: 2; }
    Aside #state { height: 2; }
    """

    _row: FieldRow | None = None

    def on_resize(self) -> None:
        self.say_help(self._row)

    def compose(self) -> ComposeResult:
        for name in ("help", "differs", "command", "state"):
            yield Static(id=name)

    @property
    def _palette(self) -> Palette:
        return palette_in(self.app)

    @property
    def _wide(self) -> bool:
        return self.screen.has_class("-wide")

    def title(self, title: str, plan: "Plan | None") -> Text:
        palette = self._palette
        text = Text.assemble(("New run  ", "bold"), (safe_text(title), f"bold {palette.accent}"))
        return text.append(f"   {plan.recipe.summary if plan is not None else ''}", palette.muted)

    def say_help(self, row: FieldRow | None) -> None:
        self._row = row
        text = Text()
        if row is not None:
            key, help, notes = row.about
            apart = "\n" if self._wide else "  "
            text.append(key, f"bold {self._palette.accent}").append(apart).append(_prose(help))
            text.append(apart + notes, self._palette.muted)
        self._update("help", text if self._wide else self._cut(text))

    def _cut(self, text: Text) -> Text:
        """The part of a text that fits below the form, with an ellipsis if it was cut."""
        lines = text.wrap(self.app.console, max(1, self.size.width))
        if len(lines) > HELP_LINES:
            last = lines[HELP_LINES - 1]
            last.truncate(max(1, self.size.width - 2))
            last.rstrip()
            last.append(" …", self._palette.muted)
        return Text("\n").join(lines[:HELP_LINES])

    def say_order(self, form: "Form") -> None:
        from experiments.order import shown

        palette = self._palette
        differs = Text("differs  ", palette.muted)
        changes = form.differences()
        for key, (value, base) in changes.items():
            differs.append("\n  " if self._wide else "")
            differs.append(f"{key} ", "bold").append(safe_text(value), palette.accent)
            differs.append(f" ({safe_text(base) or '–'})  ", palette.muted)
        if not changes:
            differs.append("nothing", palette.muted)
        self._update("differs", differs)
        command = Text("command  ", palette.muted).append("\n  " if self._wide else "")
        self._update("command", command.append(safe_text(shown(form.command_line()))))

    def say_state(self, role: str, sentence: str) -> None:
        style = str(getattr(self._palette, role))
        self._update("state", Text.assemble((f"{MARKS[role]} ", style), (safe_text(sentence), style)))

    def _update(self, name: str, text: Text) -> None:
        put(self.query_one(f"#{name}", Static), text)


def _give(row: FieldRow) -> None:
    """Focus a row and scroll to it at once.

    Held-down keys arrive faster than messages are handled, and a smooth scroll is drawn many times.
    """
    row.screen.set_focus(row, scroll_visible=False)
    row.scroll_visible(animate=False)


def _prose(text: str) -> Text:
    """Help text with the parts in backticks highlighted."""
    told = Text()
    for number, part in enumerate(text.split("`")):
        told.append(part, "bold" if number % 2 else "")
    return told
