"""One field of the form of a new run: a line of label, value, unit and base; an editor only while editing."""

from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.events import Click, DescendantBlur, Key
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from core.runs.text import safe_text
from prusc_tui.palette import palette_in
from prusc_tui.screens.new_run.fields import OFF, ON, RUN_FIELDS, Field
from prusc_tui.screens.new_run.several import SEED, SEPARATOR
from prusc_tui.widgets.quiet import QuietInput

VALUE_AT, VALUE_WIDTH = 26, 26
"""Column of the value; the label is left of it, unit and base value are right of it."""

_ORIGINS = {
    "default": "the default",
    "preset": "set by the preset",
    "source": "as in the run it is forked from",
    "recipe": "fixed: it defines the recipe",
    "taken over": "fixed: the reused stage was computed with it",
}

NUMERIC = "0123456789+-."
"""Characters that start a number."""


class FieldRow(Widget, can_focus=True):
    """A field. Keys: enter edits or chooses, typing starts a new value, `|` adds one, ← → step, delete resets."""

    DEFAULT_CSS = """
    FieldRow { height: 1; width: 1fr; }
    FieldRow.wrong { height: 2; }
    FieldRow:focus, FieldRow:focus-within { background: $panel; }
    FieldRow > Input {
        position: absolute; offset: 26 0; width: 26; height: 1; border: none; padding: 0;
        background: $surface; color: $foreground;
    }
    FieldRow > OptionList {
        position: absolute; overlay: screen; constrain: none inside; offset: 24 1; width: auto; min-width: 16;
        height: auto; max-height: 12; background: $panel; border: round $primary; padding: 0;
    }
    FieldRow > OptionList:focus { border: round $primary; }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "edit", "edit"),
        Binding("space", "edit", "choose", show=False),
        Binding("left", "step(-1)", "previous", show=False),
        Binding("right", "step(1)", "next", show=False),
        Binding("delete", "reset", "as before", show=False),
        Binding("escape", "cancel", "cancel"),
    ]

    @dataclass
    class Entered(Message):
        """The text has changed; posted while typing."""

        key: str
        text: str

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self._before: str | None = None
        self.set_class(bool(field.error), "wrong")
        self.display = not field.hidden

    @property
    def key(self) -> str:
        return self.field.setting.key

    @property
    def editing(self) -> bool:
        return bool(self.children)

    @property
    def about(self) -> tuple[str, str, str]:
        """Key, help, and valid values with the origin of the value, for the help area."""
        field = self.field
        if field.changed:
            origin = f"was {safe_text(field.base)}" if field.base and self.key != "name" else ""
        else:
            origin = "" if self.key in RUN_FIELDS else _ORIGINS[field.origin]
        several = (
            ("several make a sweep: 0-4 or 0,2,5" if self.key == SEED else "several make a sweep: a|b")
            if field.several
            else ""
        )
        if several and (field.fixed or SEPARATOR in field.text):
            several = ""
        notes = " · ".join(part for part in (field.setting.expects, several, origin) if part)
        return self.key, field.setting.help, notes

    def show(self, field: Field) -> None:
        """Show a new state of the field; draws nothing if it is the same."""
        if field != self.field:
            self.field = field
            self.set_class(bool(field.error), "wrong")
            self.display = not field.hidden
            self.refresh()
            if field.error and self.has_focus_within:  # the error line below must be visible, too
                self.call_after_refresh(self.scroll_visible, animate=False)

    def render(self) -> Text:
        field, palette = self.field, palette_in(self.app)
        here = self.has_focus_within
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append("▸ " if here else "  ", palette.accent)
        line.append(field.setting.name.ljust(VALUE_AT - 5) + " ", "bold" if here else palette.text)
        line.append(*(("✗ ", palette.bad) if field.error else ("● " if field.changed else "  ", palette.accent)))
        style = palette.muted if field.fixed or not field.text else "bold" if field.changed else palette.text
        line.append(self._value(), style)
        line.append(" " * max(1, VALUE_AT + VALUE_WIDTH + 1 - line.cell_len))
        line.append(self._side(), palette.muted)
        width = max(1, self.size.width)
        line.truncate(width, overflow="ellipsis")
        if field.error:
            error = Text(" " * VALUE_AT + safe_text(field.error), palette.bad)
            error.truncate(width, overflow="ellipsis")
            line.append("\n").append(error)
        return line

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Keys that start a new value, or come before its editor is ready, are not those of the screen."""
        if self.query(Input):
            return character is not None and character.isprintable()
        return self._begins_text(key, character)

    async def on_key(self, event: Key) -> None:
        """Typing on a field starts a new value, or selects the choice with that letter."""
        character = event.character
        if self.field.fixed or character is None or not event.is_printable:
            return
        if self.editing:  # a key came before the editor had the focus, as on a slow line
            for editor in self.query(Input):
                event.stop()
                editor.insert_text_at_cursor(character)
            return
        if self._begins_text(event.key, character):
            event.stop()
            event.prevent_default()
            await self._open_input(f"{self.field.text}{SEPARATOR}" if character == SEPARATOR else character)
        elif self.field.setting.kind == "choice":
            starts = [c for c in self.field.setting.choices if c.startswith(character)]
            if starts:
                event.stop()
                at = starts.index(self.field.text) + 1 if self.field.text in starts else 0
                self._enter(starts[at % len(starts)])

    async def on_click(self, event: Click) -> None:
        if event.widget is self and event.x >= VALUE_AT - 2 and not self.editing:
            await self.action_edit()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """An open editor has its own keys; a fixed value has none."""
        if action == "cancel":
            return self.editing
        return not self.editing and not self.field.fixed

    async def action_edit(self) -> None:
        if self.field.fixed:
            return
        match self.field.setting.kind:
            case "switch":
                self._enter(OFF if self.field.text == ON else ON)
            case "choice":
                await self._open_list()
            case _:
                await self._open_input(None)

    def action_step(self, by: int) -> None:
        choices = (OFF, ON) if self.field.setting.kind == "switch" else self.field.setting.choices
        if self.field.setting.kind in ("choice", "switch") and choices:
            at = choices.index(self.field.text) if self.field.text in choices else -by
            self._enter(choices[(at + by) % len(choices)])

    def action_reset(self) -> None:
        if self.field.changed:
            self._enter(self.field.base if self.field.setting.kind in ("choice", "switch") else "")

    async def action_cancel(self) -> None:
        if self._before is not None:
            self._enter(self._before)
        await self.close()

    async def close(self, stay: bool = True) -> None:
        """Close the editor and keep the value, and the focus if it should stay."""
        if not self.editing:
            return
        self._before = None
        if stay:
            self.focus(scroll_visible=False)
        await self.remove_children()
        self.refresh()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.editing:
            self._enter(event.value)

    @on(Input.Submitted)
    async def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        await self.close()

    @on(OptionList.OptionSelected)
    async def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        await self.close()
        self._enter(self.field.setting.choices[event.option_index])

    @on(OptionList.OptionHighlighted)
    def _not_yet(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()

    async def on_descendant_blur(self, event: DescendantBlur) -> None:
        if self.editing and event.widget in self.children:
            await self.close(stay=False)

    def _enter(self, text: str) -> None:
        if text != self.field.text or self.field.error:
            self.post_message(self.Entered(self.key, text))

    def _begins_text(self, key: str, character: str | None) -> bool:
        setting = self.field.setting
        if self.field.fixed or self.editing or character is None or not character.isprintable():
            return False
        if character == SEPARATOR:
            return self.field.several
        if setting.kind in ("choice", "switch") or key in ("space", "question_mark"):
            return False
        if setting.kind not in ("whole", "number"):
            return True
        return character in NUMERIC or any(word.startswith(character) for word in setting.choices)

    async def _open_input(self, first: str | None) -> None:
        self._before = self.field.text if self.field.changed else ""
        field = QuietInput(
            self.field.text if first is None else first,
            placeholder=self.field.base,
            compact=True,
            select_on_focus=False,
        )
        await self.mount(field)
        field.cursor_position = len(field.value)
        self.screen.set_focus(field, scroll_visible=False)
        if first is not None:
            self._enter(first)

    async def _open_list(self) -> None:
        choices = self.field.setting.choices
        options = OptionList(*(Option(Text(safe_text(choice))) for choice in choices))
        await self.mount(options)
        if self.field.text in choices:
            options.highlighted = choices.index(self.field.text)
        options.focus()

    def _value(self) -> str:
        field, kind = self.field, self.field.setting.kind
        if kind == "switch" and SEPARATOR not in field.text:
            return "✓ on" if field.text == ON else "· off"
        text = safe_text(field.text or (field.base if self.key == "name" else ""))
        room = VALUE_WIDTH - 2 * (kind == "choice")
        shown = text if len(text) <= room else text[: room - 1] + "…"
        return (shown or "–") + " ▾" * (kind == "choice" and not field.fixed)

    def _side(self) -> str:
        field = self.field
        if field.origin == "recipe":
            return "fixed by the recipe"
        if field.origin == "taken over":
            return "taken over"
        was = ""
        if field.changed and field.setting.kind == "switch":
            was = "was on" if field.base == ON else "was off"
        elif field.changed and field.base and self.key != "name":
            was = f"was {safe_text(field.base)}"
        elif field.origin in ("preset", "source") and self.key != "data.name":
            was = f"from the {field.origin}"
        return "   ".join(part for part in (field.setting.unit, was) if part)
