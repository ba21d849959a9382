"""The question before the program ends with runs inside it."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from core.runs.text import safe_text


class LeaveScreen(ModalScreen[None]):
    """Leaving stops the runs that live in this process; says so, and asks."""

    BINDINGS = [("y,enter", "stop", "stop and leave"), ("n,escape,q", "stay", "stay")]  # noqa: RUF012

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names

    def compose(self) -> ComposeResult:
        """One sentence and two keys."""
        runs = ", ".join(safe_text(name) for name in self._names)
        one = len(self._names) == 1
        with Vertical(classes="dialog"):
            yield Static(Text("Leave and stop?", "bold"))
            yield Static(
                Text(
                    f"{runs} {'runs' if one else 'run'} inside this program. Leaving stops {'it' if one else 'them'} "
                    "at the next step, with a checkpoint; resume goes on from there."
                )
            )
            yield Static(Text.assemble(("y", "bold"), " stop and leave   ", ("n", "bold"), " stay"), classes="choices")

    def action_stop(self) -> None:
        """Leave; the end of the program stops the runs."""
        self.app.exit()

    def action_stay(self) -> None:
        """Go back."""
        self.dismiss()
