"""The last line: the keys that matter here."""

from rich.text import Text
from textual.events import Click
from textual.widgets import Static

from prusc_tui.widgets.quiet import put


class KeyLine(Static):
    """Keys of the screen and of the focused widget, clickable; most used first, help last."""

    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; background: $panel; color: $foreground; padding: 0 1; text-wrap: nowrap; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._say())
        self._say()

    def on_resize(self) -> None:
        self._say()

    def _say(self) -> None:
        if not self.is_attached or not self.screen.is_current:
            return
        keys: dict[str, tuple[str, str]] = {}
        """Label → the first key that has it, for display and by name."""
        for active in self.screen.active_bindings.values():
            if active.binding.show and active.enabled and not active.binding.system:
                display = self.app.get_key_display(active.binding)
                keys.setdefault(active.binding.description, (display, active.binding.key))
        put(self, self._line(keys), layout=False)

    def _line(self, keys: dict[str, tuple[str, str]]) -> Text:
        room = max(0, self.size.width or self.app.size.width - 2)
        # Help leads to all keys that do not fit, so it is never omitted.
        reserved = len(keys["help"][0]) + len("help") + 3 if "help" in keys else 0
        line, at = Text(), 0
        self._places = []
        for label in sorted(keys, key=lambda label: label == "help"):
            display, key = keys[label]
            width = len(display) + 1 + len(label)
            if at + width > room - (reserved if label != "help" else 0):
                continue
            self._places.append((at, at + width, key))
            line.append(display, "bold").append(" ").append(label, "dim").append("  ")
            at += width + 2
        return line

    def on_click(self, event: Click) -> None:
        for begin, end, key in self._places:
            if begin <= event.x - self.styles.padding.left < end:
                self.app.simulate_key(key)
