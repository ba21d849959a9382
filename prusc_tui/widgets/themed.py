"""Widgets and screens that draw in the colours of the theme themselves."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.dom import DOMNode as _Node
else:
    _Node = object


class Themed(_Node):
    """Mixed into a widget or screen, it calls `theme_changed` while that is mounted.

    A subscription keeps the node, and whatever it refers to, until the theme changes, so it ends with the node.
    """

    def theme_changed(self) -> None:
        """Draw again in the colours of the new theme."""
        raise NotImplementedError

    # Textual calls these besides those of the class into which this one is mixed.
    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.theme_changed())

    def on_unmount(self) -> None:
        self.app.theme_changed_signal.unsubscribe(self)
