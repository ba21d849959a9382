"""The last line: the keys that matter here."""

from rich.text import Text
from textual.events import Click
from textual.widgets import Static


class KeyLine(Static):
    """Keys of the screen and of the focused widget, clickable; most used first, help last."""

    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; background: $panel; color: $foreground; padding: 0 1; text-wrap: nowrap; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[int, int, str]] = []
        self._said: list[tuple[str, str, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._say())
        self._say()

    def on_resize(self) -> None:
        self._said = []
        self._say()

    def _say(self) -> None:
        if not self.is_attached or not self.screen.is_current:
            return
        shown = [
            (self.app.get_key_display(active.binding), active.binding.description, active.binding.key)
            for active in self.screen.active_bindings.values()
            if active.binding.show and active.enabled and not active.binding.system
        ]
        seen: set[str] = set()
        keys = [one for one in shown if not (one[1] in seen or seen.add(one[1]))]  # type: ignore[func-returns-value]
        # Help leads to all keys that do not fit, so it is never omitted.
        keys.sort(key=lambda one: one[1] == "help")
        if keys == self._said:
            return
        self._said = keys
        self.update(self._line(keys), layout=False)

    def _line(self, keys: list[tuple[str, str, str]]) -> Text:
        room = max(0, self.size.width or self.app.size.width - 2)
        tail = keys[-1:] if keys and keys[-1][1] == "help" else []
        reserved = sum(len(display) + len(label) + 3 for display, label, _ in tail)
        line, at = Text(), 0
        self._places = []
        for display, label, key in [*keys[: len(keys) - len(tail)], *tail]:
            width = len(display) + 1 + len(label)
            if at + width > room - (reserved if (display, label, key) not in tail else 0):
                continue
            self._places.append((at, at + width, key))
            line.append(display, "bold").append(" ").append(label, "dim").append("  ")
            at += width + 2
        return line

    def on_click(self, event: Click) -> None:
        for begin, end, key in self._places:
            if begin <= event.x - self.styles.padding.left < end:
                self.app.simulate_key(key)
