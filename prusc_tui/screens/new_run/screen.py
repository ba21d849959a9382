"""The form of a new run: choose, change settings, see the equivalent command line, start."""

from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.reactive import reactive
from textual.widgets import Static

from core.errors import InputError
from core.runs.text import safe_text
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenRun, OpenSweep
from prusc_tui.screens.new_run.choice import Choice
from prusc_tui.screens.new_run.field import FieldRow
from prusc_tui.screens.new_run.layout import Aside, FieldList
from prusc_tui.screens.problems import tell_problems
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.panel import Reading
from prusc_tui.widgets.quiet import QuietScreen
from prusc_tui.widgets.themed import Themed

if TYPE_CHECKING:
    from core.runs.home import Home
    from experiments.order import Order
    from experiments.sweeps.order import SweepOrder
    from prusc_tui.screens.new_run.form import Check, Form

WIDE = 110
"""Width from which the help is beside the form."""


class NewRunScreen(Themed, QuietScreen[None]):
    """A form made from the config model: of a fork `RUN[:STAGE]`, of a recipe or preset, or of one chosen first."""

    DEFAULT_CSS = """
    NewRunScreen #title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    NewRunScreen #form { layout: vertical; height: 1fr; }
    NewRunScreen.-wide #form { layout: horizontal; }
    NewRunScreen.-wide Aside { width: 33%; max-width: 72; height: 100%; border-top: none; border-left: solid $panel; }
    NewRunScreen.-wide #help, NewRunScreen.-wide #differs, NewRunScreen.-wide #command, NewRunScreen.-wide #state {
        height: auto; margin-bottom: 1; text-wrap: wrap;
    }
    NewRunScreen.-choosing #form { display: none; }
    NewRunScreen Choice { display: none; }
    NewRunScreen.-choosing Choice { display: block; }
    """
    BINDINGS = bindings("new")
    AUTO_FOCUS = ""
    choosing = reactive(False, repaint=False, init=False, bindings=True, toggle_class="-choosing")
    starting = reactive(False, repaint=False, init=False, bindings=True)

    def __init__(self, home: "Home", fork: str | None = None, preset: str | None = None) -> None:
        super().__init__()
        self._home = home
        self._fork = fork
        self._preset = preset
        self._form: Form | None = None
        self._all = False
        self._leaving = False
        self._start = Reading(self, self._told)
        self._sentence = ""
        """The last error, until something is entered."""

    def compose(self) -> ComposeResult:
        yield Static("New run", id="title")
        yield Choice()
        with Vertical(id="form"):
            yield FieldList()
            yield Aside()
        yield KeyLine()

    def theme_changed(self) -> None:
        self._redraw()

    def on_mount(self) -> None:
        """Draw first; loading the config model takes a moment."""
        self.call_after_refresh(self._begin)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self._say()

    async def _begin(self) -> None:
        from experiments.fork import fork_at
        from prusc_tui.screens.new_run.form import Form

        try:
            if self._fork is not None:
                self._form = Form(fork=fork_at(self._home, self._fork))
            elif self._preset is not None:
                self._form = Form(self._preset)
        except InputError as error:
            self._sentence = str(error)
        if self._form is not None:
            await self._build("recipe")
        elif self._fork is None:
            self.action_preset()
        tell_problems(self)
        self._say()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Most keys need a form; only escape works while the run starts."""
        if action in ("start", "toggle_all", "copy_command"):
            return self._form is not None and not (self.starting or self.choosing)
        return action != "preset" or not (self.starting or self.choosing)

    @on(Choice.Chosen)
    async def _chosen(self, event: Choice.Chosen) -> None:
        from prusc_tui.screens.new_run.form import Form

        self.choosing = False
        new, self._sentence = Form(event.name), ""
        if self._form is not None:
            new.take_over(self._form)
        self._form = new
        await self._build("recipe")
        self._say()

    async def _build(self, focus: str) -> None:
        if self._form is None:
            return
        shown = [field for field in self._form.fields() if self._all or field.usual]
        await self.query_one(FieldList).build(shown, self._form.section_help(), focus)

    @on(FieldRow.Entered)
    async def _entered(self, event: FieldRow.Entered) -> None:
        if self._form is None or self.starting:
            return
        self._leaving, self._sentence = False, ""
        try:
            self._form.set(event.key, event.text)
        except InputError as error:
            self._sentence = str(error)
        fields = {field.setting.key: field for field in self._form.fields()}
        rows = self.query_one(FieldList)
        shown = [key for key, field in fields.items() if (self._all or field.usual) and not field.hidden]
        if event.key in ("recipe", "preset", "stage", "data.name", "find.by") and shown != rows.keys():
            await self._build(event.key)
        else:
            rows.show(fields)
        self._say()

    def on_descendant_focus(self) -> None:
        self._say()

    def _redraw(self) -> None:
        self.refresh(layout=False)
        self.query(FieldRow).refresh()
        self._say()

    def _say(self) -> None:
        if not self.is_attached:
            return
        aside = self.query_one(Aside)
        if self._form is None:
            if self._sentence:
                aside.say_state("bad", self._sentence)
            return
        check = self._form.check()
        self.query_one("#title", Static).update(aside.title(self._form.title, check.plan))
        aside.say_help(self.query_one(FieldList).current)
        aside.say_order(self._form)
        aside.say_state(*self._state(check))

    def _state(self, check: "Check") -> tuple[str, str]:
        if self.starting:
            here = self._form is not None and self._form.launcher == "local"
            return "accent", f"starting{' in this process; the first one takes a moment' if here else ''}…"
        if sentence := self._sentence or check.sentence:
            return "bad", sentence
        if self._leaving:
            return "warn", "escape again leaves and discards your entries"
        number = self._form.size if self._form is not None else 1
        return "good", f"ready: ctrl+s starts {f'a sweep of {number:,} runs' if number > 1 else 'it'}"

    def action_start(self) -> None:
        """Start the run, or go to the first invalid field."""
        if self._form is None:
            return
        check = self._form.check()
        if check.sentence:
            self.query_one(FieldList).focus_key(*check.errors)
            self._say()
            return
        self.starting, self._sentence = True, ""
        self.query_one(FieldList).disabled = True
        self._say()
        # A run started before leaving appears in the list.
        self._start.ask(partial(self._work, self._form.order()))

    def _work(self, order: "Order | SweepOrder") -> OpenRun | OpenSweep | str:
        """On a thread: start the run or the sweep; a sentence if it cannot be started."""
        from experiments import actions
        from experiments.sweeps import control
        from experiments.sweeps.order import SweepOrder
        from prusc_tui import __version__

        try:
            if isinstance(order, SweepOrder):
                return OpenSweep(control.start_outside(self._home, *order.options))
            return OpenRun(actions.start_outside(self._home, order, __version__).id)
        except InputError as error:
            return str(error)
        except Exception as error:  # any failure: keep the form
            return f"the run could not be started: {error or type(error).__name__}"

    def _told(self, outcome: OpenRun | OpenSweep | str) -> None:
        if not isinstance(outcome, str):
            self.app.post_message(outcome)
            self.dismiss()
            return
        self.starting, self._sentence = False, outcome
        rows = self.query_one(FieldList)
        rows.disabled = False
        rows.focus_again()
        self._say()

    def action_preset(self) -> None:
        self.choosing = True
        self.query_one(Choice).offer(self._sentence if self._form is None else "")

    async def action_toggle_all(self) -> None:
        if self._form is not None:
            self._all = not self._all
            row = self.query_one(FieldList).current
            await self._build(row.key if row is not None else "recipe")
            self._say()

    def action_copy_command(self) -> None:
        from experiments.order import shown

        if self._form is not None:
            self.app.copy_to_clipboard(safe_text(shown(self._form.command_line())))
            self.notify("copied the command line")

    def action_back(self) -> None:
        """Go back; ask once more if something was entered."""
        if self.choosing and self._form is not None:
            self.choosing = False
            self.query_one(FieldList).focus_again()
        elif self._form is not None and self._form.differences() and not (self._leaving or self.starting):
            self._leaving = True
            self._say()
        else:
            self.dismiss()
