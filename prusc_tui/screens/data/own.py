"""A folder of the user's own images: what `prusc data init` proposes, as a form, with the images of every group."""

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from core.errors import InputError
from core.runs.text import safe_text
from experiments import subprocesses
from prusc_tui.palette import palette_in
from prusc_tui.screens.data.parts import group_bars, group_title, samples, split_lines
from prusc_tui.screens.data.pictures import DataLook, Looker
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.panel import Reading
from prusc_tui.widgets.picture import Picture
from prusc_tui.widgets.quiet import QuietInput, QuietScreen

FIELDS = {
    "label": "label",
    "attribute": "attributes, or none",
    "split": "split, or none",
    "map": "meaning of its values: tune=validation",
    "ignore": "labels to leave out",
    "validation-share": "share of training drawn as validation",
    "path": "path of the image",
    "table": "table, or none for folders named by class",
}
"""Option of `prusc data init` → heading of its field."""
NONE = "none"
CAN_BE_NONE = ("attribute", "split", "ignore", "table")
"""Options that take `none`; another field that is empty is proposed again."""
FILE = "prusc.toml"


@dataclass(frozen=True, slots=True)
class Found:
    """What is proposed for a folder, and how the data set then looks."""

    proposal: Mapping[str, Any]
    look: DataLook


class OwnScreen(QuietScreen[str | None]):
    """The form on the left, the groups and their images on the right; its result is the folder, once it is written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "look", "look", priority=True),
        Binding("ctrl+s", "write", "write prusc.toml", priority=True),
        Binding("escape", "back", "back"),
    ]
    DEFAULT_CSS = """
    OwnScreen #title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    OwnScreen #form { width: 44; height: 1fr; border-right: solid $panel; padding: 0 1; }
    OwnScreen #form Static { height: auto; color: $text-muted; }
    OwnScreen #form Input { background: $panel; }
    OwnScreen #form #said { margin-top: 1; }
    OwnScreen #groups { height: 1fr; padding: 0 1 0 2; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    OwnScreen #groups Static { height: auto; margin-bottom: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self._proposed: dict[str, str] = {}
        self._stated: dict[str, str] = {}
        self._looks = 0
        self._scratch = tempfile.TemporaryDirectory(prefix="prusc-")
        self._reading: Reading[Found | str] = Reading(self, self._told)
        self._writing: Reading[str] = Reading(self, self._wrote)

    def compose(self) -> ComposeResult:
        yield Static(Text.assemble(("Data  ", "bold"), safe_text(self._folder)), id="title")
        with Horizontal():
            with VerticalScroll(id="form", can_focus=False):
                for name, heading in FIELDS.items():
                    yield Static(heading)
                    yield QuietInput(id=name, compact=True, select_on_focus=False)
                yield Static(id="said")
            with VerticalScroll(id="groups"):
                yield Static(id="splits")
                yield Static(id="bars")
                yield Picture()
        yield KeyLine()

    def on_mount(self) -> None:
        self.action_look()

    def on_unmount(self) -> None:
        self._reading.forget()
        self._writing.forget()
        self._scratch.cleanup()

    def words(self) -> list[str]:
        """The command line of `prusc data init` with every field that the user has changed."""
        words = ["data", "init", "--data-root", self._folder, "--yes"]
        for name, text in self._stated.items():
            if text == NONE and name not in CAN_BE_NONE:
                continue
            for part in text.split(",") if name in ("attribute", "map", "ignore") else [text]:
                words += [f"--{name}", part.strip().strip('"')]
        return words

    def action_look(self) -> None:
        for name in FIELDS:
            text = self.query_one(f"#{name}", QuietInput).value.strip()
            if text != self._proposed.get(name, ""):
                self._stated[name] = text or NONE
        self._looks += 1
        words, file = self.words(), Path(self._scratch.name) / f"{self._looks}.toml"
        self._say(Text("looking…", palette_in(self.app).muted))

        def read() -> Found | str:
            import orjson

            try:
                process = subprocesses.start("prusc_tui", *words, "--to", str(file), "--json", outlives=False)
                proposal = orjson.loads(subprocesses.output_of(process))
                look = Looker(str(file)).read()
                assert look is not None  # nobody cancels it
                return Found(proposal, look)
            except (InputError, OSError) as problem:
                return str(problem)

        self._reading.ask(read)

    def action_write(self) -> None:
        words = self.words() + ["--overwrite"] * (Path(self._folder) / FILE).exists()

        def write() -> str:
            try:
                subprocesses.output_of(subprocesses.start("prusc_tui", *words, outlives=False))
            except (InputError, OSError) as problem:
                return str(problem)
            return ""

        self._writing.ask(write)

    def _wrote(self, problem: str) -> None:
        if problem:
            self._say(Text(safe_text(f"✗ {problem}"), palette_in(self.app).bad))
            return
        self.notify(f"A run: prusc run prusc --data {shlex.quote(self._folder)}", title=f"Wrote {FILE}", markup=False)
        self.dismiss(self._folder)

    def action_back(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()

    def _told(self, found: Found | str) -> None:
        palette = palette_in(self.app)
        if isinstance(found, str):
            self._say(Text(safe_text(f"✗ {found}"), palette.bad))
            return
        self._fill(found.proposal)
        headings = ", ".join(found.proposal["headings"])  # a published layout, or folders by class, need none
        lines = [(f"columns: {headings}", palette.muted)] if headings else []
        lines += [(f"? {doubt['question']}", palette.text) for doubt in found.proposal["doubts"]]
        lines += [(f"· {note}", palette.muted) for note in found.proposal["notes"]]
        self._say(Text("\n").join(Text(safe_text(line), style) for line, style in lines))
        about = found.look.about
        split = about["splits"]["train"]
        self.query_one("#splits", Static).update(split_lines(about, "train", palette))
        bars = self.query_one("#bars", Static)
        bars.update(group_bars(split, bars.size.width or self.size.width - 49, palette))
        groups = list(zip(map(group_title, split["groups"]), found.look.samples["train"], strict=True))
        colour = not self.app.no_color
        self.query_one(Picture).show(found.look, lambda w, _, p: samples(groups, w, p, colour=colour))

    def _fill(self, proposal: Mapping[str, Any]) -> None:
        """Show the proposal in the fields; what the user has stated stays."""
        settings = proposal["settings"]
        meant = {"train": "train_values", "validation": "validation_values", "test": "test_values"}
        pairs = [f"{value}={split}" for split, key in meant.items() for value in settings.get(key, ())]
        values = {
            "label": settings.get("label_column", ""),
            "attribute": ", ".join(settings.get("attribute_columns", ())) or NONE,
            "split": settings.get("split_column", "") or NONE,
            "map": ", ".join([*pairs, *(f"{value}=ignore" for value in settings.get("ignored_splits", ()))]),
            "ignore": ", ".join(value or '""' for value in settings.get("ignored_labels", ())),
            "validation-share": f"{settings['validation_share']:g}" if "validation_share" in settings else "",
            "path": settings.get("path_column", ""),
            "table": settings.get("table", "") or NONE,
        }
        for name, text in values.items():
            text = text if settings["name"] == "folder" else ""  # a published layout has its own columns
            self._proposed[name] = text
            self.query_one(f"#{name}", QuietInput).value = text

    def _say(self, text: Text) -> None:
        self.query_one("#said", Static).update(text)
