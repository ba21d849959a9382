"""The choice of a preset or recipe, filtered while typing."""

from dataclasses import dataclass
from itertools import groupby

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from core.runs.text import safe_text
from prusc_tui.palette import palette_in
from prusc_tui.widgets.quiet import QuietInput

NAME_WIDTH = 24


class Choice(Vertical):
    """A filter and its list; the focus stays in the filter, ↑ ↓ move in the list."""

    DEFAULT_CSS = """
    Choice { height: 1fr; }
    Choice > Input {
        height: 1; border: none; padding: 0 1; margin: 1 1 0 1; background: $surface; color: $foreground;
    }
    Choice > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Choice > OptionList {
        height: 1fr; border: none; padding: 0 1; background: $background; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "move(-8)", "up", show=False),
        Binding("pagedown", "move(8)", "down", show=False),
        Binding("enter", "choose", "choose"),
    ]

    @dataclass
    class Chosen(Message):
        """A recipe or preset was chosen."""

        name: str

    def __init__(self) -> None:
        super().__init__()
        self._offers: list[tuple[str, str, str]] = []
        """Name, summary and heading of each choice."""

    def compose(self) -> ComposeResult:
        yield QuietInput(placeholder="what to run: type to filter, ↑ ↓ and enter to choose", compact=True)
        yield Static()
        options = OptionList(compact=True)
        options.can_focus = False
        yield options

    def offer(self, sentence: str = "") -> None:
        """Fill and focus the list; show the error of an earlier choice."""
        from experiments.catalog import DEFAULT, get_preset, preset_names
        from experiments.recipes import RECIPES

        presets = [get_preset(name) for name in preset_names()]
        taken_unasked = {recipe.preset for recipe in RECIPES.values()}
        presets.sort(key=lambda preset: (preset.name != DEFAULT, preset.name not in taken_unasked))
        self._offers = [(preset.name, preset.summary, "presets") for preset in presets]
        self._offers += [(recipe.name, recipe.summary, "recipes") for recipe in RECIPES.values()]
        palette = palette_in(self.app)
        self.query_one(Static).update(Text(f"✗ {safe_text(sentence)}" if sentence else "", palette.bad))
        field = self.query_one(Input)
        field.value = ""
        self._fill("")
        field.focus()

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        for _ in range(abs(by)):
            (options.action_cursor_down if by > 0 else options.action_cursor_up)()

    def action_choose(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.post_message(self.Chosen(str(options.get_option_at_index(options.highlighted).id)))

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        event.stop()
        self._fill(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_choose()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(str(event.option_id)))

    def _fill(self, text: str) -> None:
        palette = palette_in(self.app)
        words = text.casefold().split()
        matches = [offer for offer in self._offers if all(word in " ".join(offer).casefold() for word in words)]
        found: list[Option] = []
        for kind, offers in groupby(matches, key=lambda offer: offer[2]):
            found.append(Option(Text(f"\n{kind}" if found else kind, palette.muted), disabled=True))
            for name, summary, _ in offers:
                line = Text(no_wrap=True, overflow="ellipsis").append(name.ljust(NAME_WIDTH), f"bold {palette.accent}")
                found.append(Option(line.append(summary, palette.text), id=name))
        options = self.query_one(OptionList)
        options.set_options(found or [Option(Text("no match", palette.muted), disabled=True)])
        options.highlighted = _nearest(found, text.strip()) if found else None


def _nearest(options: list[Option], text: str) -> int:
    """Index of the entry equal to the text, else of the first that starts with it, else of the first entry."""
    names = [option.id or "" for option in options]
    begins = [at for at, name in enumerate(names) if name and name.startswith(text)]
    return names.index(text) if text and text in names else (begins or [1])[0]
