"""All keys by place, those of the current screen first."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from prusc_tui.keymap import AREAS, KEYS
from prusc_tui.keys import Key
from prusc_tui.palette import palette_in
from prusc_tui.widgets.quiet import QuietModal

KEY_WIDTH = 14


class HelpScreen(QuietModal[None]):
    """All keys, including the user's own."""

    BINDINGS = [("escape,q,question_mark,f1", "close", "close")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="sheet"):
            yield Static(Text.assemble(("Keys", "bold"), ("   escape closes, ↑ ↓ scroll", "dim")))
            for area in self._areas():
                yield Static(self._block(area), classes="block")

    def action_close(self) -> None:
        self.dismiss()

    def _areas(self) -> list[str]:
        """Areas in the order of the table, active ones first."""
        beneath = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else self.app.screen
        at_work = {(active.binding.id or "").partition(".")[0] for active in beneath.active_bindings.values()}
        return sorted(AREAS, key=lambda area: (area == "app", area not in at_work))

    def _block(self, area: str) -> Text:
        block, accent = Text(AREAS[area], "bold underline"), palette_in(self.app).accent
        for key in KEYS:
            if key.area == area:
                block.append("\n").append(self._keys(key).ljust(KEY_WIDTH), accent).append(key.help, "default")
        return block

    def _keys(self, key: Key) -> str:
        from textual.binding import Binding

        keys = self.app._keymap.get(key.id, key.keys)
        return " ".join(self.app.get_key_display(Binding(name.strip(), "")) for name in keys.split(","))
