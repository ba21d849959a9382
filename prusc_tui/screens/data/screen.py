"""The data sets: facts, groups and sample images."""

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.errors import InputError
from core.paths import expanded
from core.runs.text import safe_text
from experiments.data.sets import data_sets, missing
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenNew
from prusc_tui.palette import Palette, palette_in
from prusc_tui.screens.data.parts import environment_lines, facts, group_bars, group_title, samples, split_lines, unread
from prusc_tui.screens.data.pictures import DataLook, Looker, forget, seen
from prusc_tui.screens.problems import tell_problems
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.panel import Reading
from prusc_tui.widgets.picture import Picture
from prusc_tui.widgets.quiet import QuietScreen
from prusc_tui.widgets.themed import Themed

REST = 0.15
"""Seconds that the cursor rests on a name before reading."""


class Names(OptionList):
    """The names; page keys scroll the right side."""

    BINDINGS = [  # noqa: RUF012
        Binding("pagedown", "screen.scroll_look(1)", "scroll"),
        Binding("pageup", "screen.scroll_look(-1)", "scroll", show=False),
    ]


class DataScreen(Themed, QuietScreen[None]):
    """Names on the left, the selected data set on the right."""

    DEFAULT_CSS = """
    DataScreen #title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    DataScreen #names {
        width: 24; height: 1fr; border: none; border-right: solid $panel; background: $background; padding: 0 1;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    DataScreen #look {
        height: 1fr; padding: 0 1 0 2; scrollbar-size-vertical: 1; scrollbar-gutter: stable; background: $background;
    }
    DataScreen #look Static { height: auto; margin-bottom: 1; }
    DataScreen #facts { text-wrap: wrap; }
    DataScreen #groups, DataScreen #splits, DataScreen #environments { text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS = bindings("data")
    AUTO_FOCUS = "#names"

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self._name = name
        self._split = "train"
        self._look: DataLook | None = None
        self._looker: Looker | None = None
        self._reading: Reading[DataLook | str | None] = Reading(self, self._told)
        self._timer: Timer | None = None

    @property
    def _palette(self) -> Palette:
        return palette_in(self.app)

    def compose(self) -> ComposeResult:
        yield Static("Data", id="title")
        with Horizontal():
            yield Names(id="names")
            with VerticalScroll(id="look", can_focus=False):
                yield Static(id="facts")
                yield Static(id="splits")
                yield Static(id="environments")
                yield Static(id="groups")
                yield Picture()
        yield KeyLine()

    def theme_changed(self) -> None:
        self._show()

    def on_mount(self) -> None:
        # Reading the names is slow the first time.
        self.call_after_refresh(self._begin)

    def on_unmount(self) -> None:
        self._stop_reading()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def _begin(self) -> None:
        from experiments.catalog import preset_names

        sets = list(data_sets())
        names = {"data sets": sets, "presets": [name for name in preset_names() if name not in sets]}
        known = [name for group in names.values() for name in group]
        if self._name is not None and self._name not in known:
            names["other"] = [self._name]
        options = self.query_one(Names)
        for heading, group in names.items():
            above = "\n" if options.option_count else ""
            options.add_option(Option(Text(above + heading, self._palette.muted), disabled=True))
            options.add_options([Option(Text(safe_text(name)), id=f"name-{name}") for name in group])
        tell_problems(self)
        options.highlighted = options.get_option_index(f"name-{self._name or sets[0]}")

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._name = str(event.option_id).removeprefix("name-")
        self._stop_reading()
        self._look = None
        if (look := seen(self._name)) is not None:
            self._take(look)
        elif sentence := missing(self._name):
            self._say(unread(self._name, sentence, self._palette))
        else:
            self._say(Text(safe_text(f"reading {self._name}…"), self._palette.muted))
            self._timer = self.set_timer(REST, self._read)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_new()

    def _read(self) -> None:
        looker = self._looker = Looker(str(self._name))

        def read() -> DataLook | str | None:
            try:
                return looker.read()
            except InputError as problem:
                return str(problem)
            except (OSError, ValueError) as problem:
                return f"{looker.name} cannot be read: {problem}"

        self._reading.ask(read)

    def _stop_reading(self) -> None:
        self._reading.forget()
        if self._timer is not None:
            self._timer.stop()
        if self._looker is not None:
            self._looker.cancel()
            self._looker = None

    def _told(self, found: DataLook | str | None) -> None:
        if isinstance(found, DataLook):
            self._take(found)
        elif found is not None:
            self._say(Text(safe_text(f"✗ {found}"), self._palette.bad))

    def _take(self, look: DataLook) -> None:
        self._look = look
        if self._split not in look.about["splits"]:
            self._split = next(iter(look.about["splits"]))
        self._show()
        self.query_one("#look").scroll_home(animate=False)

    def _say(self, text: Text) -> None:
        self._title()
        self.query_one("#facts", Static).update(text)
        for name in ("#splits", "#groups"):
            self.query_one(name, Static).update("")
        self.query_one("#environments").display = False
        self.query_one(Picture).show(None, lambda *_: [])

    def _title(self) -> None:
        name = (safe_text(str(self._name)), f"bold {self._palette.accent}")
        self.query_one("#title", Static).update(Text.assemble(("Data  ", "bold"), name))

    def _show(self) -> None:
        if self._look is None or not self.is_attached:
            return
        about, palette = self._look.about, self._palette
        split = about["splits"][self._split]
        self._title()
        self.query_one("#facts", Static).update(facts(about, palette))
        self.query_one("#splits", Static).update(split_lines(about, self._split, palette))
        environments = self.query_one("#environments", Static)
        environments.display = bool(split["environments"])
        environments.update(environment_lines(split, palette))
        bars = self.query_one("#groups", Static)
        bars.update(group_bars(split, bars.size.width or self.size.width - 28, palette))
        groups = list(zip(map(group_title, split["groups"]), self._look.samples[self._split], strict=True))
        colour = not self.app.no_color
        self.query_one(Picture).show((self._look, self._split), lambda w, _, p: samples(groups, w, p, colour=colour))

    def action_next_split(self) -> None:
        if self._look is not None:
            names = list(self._look.about["splits"])
            self._split = names[(names.index(self._split) + 1) % len(names)]
            self._show()

    def action_scroll_look(self, pages: int) -> None:
        look = self.query_one("#look", VerticalScroll)
        look.scroll_relative(y=pages * max(1, look.size.height - 2), animate=False)

    def action_new(self) -> None:
        if self._name is not None:
            self.post_message(OpenNew(preset=self._name))

    def action_own(self) -> None:
        from prusc_tui.screens.data.own import OwnScreen
        from prusc_tui.widgets.dialogs import LineScreen

        def check(text: str) -> None:
            if not text.strip() or not expanded(text.strip()).is_dir():
                raise InputError(f"'{text.strip()}' is not a folder")

        def look(text: str | None) -> None:
            if text is not None:
                self.app.push_screen(OwnScreen(str(expanded(text.strip()).absolute())), self._add)

        hint = "with a table that names them, or with a folder for each class"
        self.app.push_screen(LineScreen("Folder of your images", hint=hint, check=check), look)

    def _add(self, folder: str | None) -> None:
        """Add a folder of the user's own images to the names, and look at it."""
        if folder is None:
            return
        forget(folder)
        options = self.query_one(Names)
        id = f"name-{folder}"
        if not any(option.id == id for option in options.options):
            options.add_option(Option(Text(safe_text(folder)), id=id))
        options.highlighted = None
        options.highlighted = options.get_option_index(id)

    def action_back(self) -> None:
        self.dismiss()
