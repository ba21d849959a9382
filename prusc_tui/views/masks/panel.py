"""What is pruned: sparsity, layer by layer, what it buys, and what another run kept."""

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget

from core.errors import InputError
from core.events import Sparsity
from core.feed.snapshot import Snapshot
from core.results.overlap import Overlap
from core.runs.folder import RunFolder
from core.runs.record import ACTIVE
from prusc_tui.keys import bindings
from prusc_tui.palette import MARKS, Palette
from prusc_tui.report.spark import stage_in_view
from prusc_tui.screens.compare.overlaps import STAGE
from prusc_tui.views.masks.layers import Pruned, dead_layers, head, layers_title, rows, summary
from prusc_tui.views.masks.stored import compare, layer_sizes, stored_masks
from prusc_tui.views.masks.trade_off import TradeOff, trade_off, trade_off_of
from prusc_tui.widgets.bars import ink, safe, wrap
from prusc_tui.widgets.drawing import Drawing

WIDE = 116
"""Cells from which the curve stands beside the layers."""
CURVE, MOST_CURVE = 8, 20
"""Lines of the curve: at least where it is shown, and at most above the layers."""
DONE = ("done", "reused")


class _Top(Drawing):
    """Sparsity in large figures, alarms, and what is to be said of the other run."""

    DEFAULT_CSS = "_Top { height: auto; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="top")
        self._shown: tuple[Pruned | None, bool, str] = None, False, ""
        self._note: tuple[str, bool] = "", False

    def show(self, pruned: Pruned | None, done: bool, nothing: str) -> None:
        """Show a state, or say that there is none."""
        if (pruned, done, nothing) != self._shown:
            self._shown = pruned, done, nothing
            self.touch()

    def say(self, text: str, wrong: bool = False) -> None:
        """Say how the comparison goes, or why there is none; nothing with an empty text."""
        if (text, wrong) != self._note:
            self._note = text, wrong
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:  # noqa: ARG002
        """Figures, alarms, note."""
        pruned, done, nothing = self._shown
        if pruned is None:
            return wrap(ink(nothing, palette.muted), width)
        lines = [*summary(pruned, done, width, palette), *dead_layers(pruned, width, palette)]
        text, wrong = self._note
        if wrong:
            lines += wrap(ink(f"{MARKS['failed']} ", palette.bad).append(safe(text), palette.text), width, 2)
        elif text:
            lines += wrap(ink(safe(text), palette.muted), width)
        return lines


class _Curve(Drawing):
    """Sparsity against worst-group accuracy."""

    DEFAULT_CSS = "_Curve { width: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="curve")
        self._shown = TradeOff()

    def show(self, found: TradeOff) -> None:
        """Show a course."""
        if found != self._shown:
            self._shown = found
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:
        """The curve, as large as there is room."""
        return trade_off(self._shown, width, height, palette)


class _Layers(Drawing):
    """The layers, or the headings over them, which stay while the layers scroll."""

    DEFAULT_CSS = "_Layers { height: auto; width: 1fr; }"

    def __init__(self, *, headings: bool, id: str) -> None:
        super().__init__(id=id)
        self._headings = headings
        self._shown: tuple[Pruned | None, bool] = None, False

    def show(self, pruned: Pruned | None, by_ratio: bool) -> None:
        """Show the layers of a state."""
        if (pruned, by_ratio) != self._shown:
            self._shown = pruned, by_ratio
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:  # noqa: ARG002
        """Title and headings, or rows."""
        pruned, by_ratio = self._shown
        if pruned is None:
            return []
        layers = pruned.layers(by_ratio)
        if self._headings:
            return [layers_title(pruned, by_ratio, width, palette), head(layers, pruned.other, width, palette)]
        return rows(layers, width, palette)


class Scroll(VerticalScroll, can_focus=False):
    """Scrolls by mouse, and by the panel's keys."""


class MasksPanel(Widget, can_focus=True):
    """The masks of a run.

    Args:
        folder: where the run is; sizes and stored masks are read from there, off the event loop.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("masks"),
        Binding("up,k", "scroll_layers(-1)", show=False),
        Binding("down,j", "scroll_layers(1)", show=False),
        Binding("pageup", "page_layers(-1)", show=False),
        Binding("pagedown", "page_layers(1)", show=False),
        Binding("home,g", "end_layers(False)", show=False),
        Binding("end,G", "end_layers(True)", show=False),
    ]
    DEFAULT_CSS = """
    MasksPanel { layout: vertical; padding: 0 1; height: 1fr; width: 1fr; }
    MasksPanel #below { height: 1fr; layout: vertical; }
    MasksPanel #list { height: 1fr; width: 1fr; }
    MasksPanel #curve { height: 10; margin-bottom: 1; }
    MasksPanel Scroll { height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    MasksPanel #heads { padding-right: 1; }
    MasksPanel.wide { padding: 1 1 0 1; }
    MasksPanel.wide #below { layout: horizontal; margin-top: 1; }
    MasksPanel.wide #list { width: 3fr; }
    MasksPanel.wide #curve { width: 2fr; margin: 0 0 0 3; }
    MasksPanel.low #curve, MasksPanel.empty #below { display: none; }
    MasksPanel.empty { padding: 1 2; }
    """

    class Read(Message):
        """What is stored of the masks was read."""

        def __init__(self, generation: int, weights: dict[str, int], stored: Sparsity | None) -> None:
            super().__init__()
            self.generation = generation
            self.weights = weights
            self.stored = stored

    class Compared(Message):
        """The masks were compared with those of another run, or cannot be."""

        def __init__(self, generation: int, other: str, found: Overlap | None, problem: str) -> None:
            super().__init__()
            self.generation = generation
            self.other = other
            self.found = found
            self.problem = problem

    def __init__(self, folder: RunFolder, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="empty")
        self._folder = folder
        self._snapshot: Snapshot | None = None
        self._by_ratio = False
        self._weights: dict[str, int] = {}
        self._stored: Sparsity | None = None
        self._overlap: tuple[str, Overlap] | None = None
        self._typed = ""
        self._read_for: tuple[str, bool] | None = None
        self._reads = self._comparisons = 0

    def compose(self) -> ComposeResult:
        """Sparsity on top; the curve above the layers, or beside them."""
        yield _Top()
        with Vertical(id="below"):
            with Vertical(id="list"):
                yield _Layers(headings=True, id="heads")
                with Scroll():
                    yield _Layers(headings=False, id="rows")
            yield _Curve()

    def show(self, snapshot: Snapshot) -> None:
        """Take in what is new; cheap where nothing is."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        if self.is_mounted:
            self._show()

    def on_mount(self) -> None:
        """Show what came before there was a place for it."""
        if self._snapshot is not None:
            self._show()

    def on_resize(self) -> None:
        """Take the layout for the size."""
        wide = self.outer_size.width >= WIDE
        self.set_class(wide, "wide")
        below, layers, curve = (self.query_one(name) for name in ("#below", "#list", "#curve"))
        # Beside the layers the curve is on the right, above them it comes first.
        if wide:
            below.move_child(curve, after=layers)
        else:
            below.move_child(curve, before=layers)
        self.call_after_refresh(self._fit)

    def action_order(self) -> None:
        """Layers in the order of the network, or most pruned first."""
        self._by_ratio = not self._by_ratio
        self._show()

    def action_overlap(self) -> None:
        """Ask for the run whose masks are to be compared."""
        if self._stage is not None:
            from prusc_tui.screens.dialogs import LineScreen

            hint = "name, id or last; an empty line takes the overlap away"
            asked = LineScreen("Compare the masks with those of which run?", self._typed, hint)
            self.app.push_screen(asked, self._asked)

    def action_scroll_layers(self, by: int) -> None:
        """Scroll the layers by a line."""
        self.query_one(Scroll).scroll_relative(y=by, animate=False)

    def action_page_layers(self, by: int) -> None:
        """Scroll the layers by a page."""
        scroll = self.query_one(Scroll)
        scroll.scroll_relative(y=by * max(1, scroll.size.height - 1), animate=False)

    def action_end_layers(self, last: bool) -> None:
        """Go to the first or to the last layer."""
        scroll = self.query_one(Scroll)
        if last:
            scroll.scroll_end(animate=False)
        else:
            scroll.scroll_home(animate=False)

    @property
    def _stage(self) -> str | None:
        """The stage whose masks are shown: what it said, else what is stored of it."""
        if self._snapshot is None:
            return None
        taken = {s.name for s in self._snapshot.stages if s.state == "reused" and s.keep_ratio is not None}
        return stage_in_view(self._snapshot, self._snapshot.sparsity) or next(
            (s.name for s in self._snapshot.stages if s.name in taken), None
        )

    @property
    def pruned(self) -> Pruned | None:
        """What there is to show."""
        stage = self._stage
        if stage is None or self._snapshot is None:
            return None
        states = self._snapshot.mask_states.get(stage) or ((self._stored,) if self._stored is not None else ())
        other, found = self._overlap or ("", None)
        return Pruned(states, self._weights, other, found) if states else None

    def _show(self) -> None:
        snapshot, stage = self._snapshot, self._stage
        if snapshot is None:
            return
        done = any(view.name == stage and view.state in DONE for view in snapshot.stages)
        if stage is not None and (stage, done) != self._read_for:
            self._read_for = stage, done
            self._reads += 1
            names = [view.name for view in snapshot.stages]
            silent = stage not in snapshot.sparsity
            read = partial(self._read, self._reads, stage, tuple(names[: names.index(stage)]), silent)
            self.run_worker(read, thread=True, group="masks", exit_on_error=False)
        pruned = self.pruned
        self.set_class(pruned is None, "empty")
        self.query_one(_Top).show(pruned, done or snapshot.status != "running", self._nothing)
        for part in self.query(_Layers):
            part.show(pruned, self._by_ratio)
        if pruned is not None and stage is not None:
            self.query_one(_Curve).show(trade_off_of(snapshot, stage))
        self.call_after_refresh(self._fit)

    @property
    def _nothing(self) -> str:
        if self._stage is not None:
            return "reading the masks …"
        snapshot = self._snapshot
        if snapshot is None or not snapshot.stages:
            return "reading …"
        if all(view.name != STAGE for view in snapshot.stages):
            return "Nothing is pruned in this run: its recipe has no stage that prunes."
        if snapshot.status in ACTIVE:
            return "Nothing is pruned yet. The masks come with the first look of the stage that prunes."
        return f"There are no masks: the run is {snapshot.status} and said nothing of them."

    def _fit(self) -> None:
        """Give the curve the height that the layers leave."""
        pruned = self.pruned
        if pruned is None:
            return
        room = self.size.height - self.query_one(_Top).size.height
        curve = self.query_one(_Curve)
        if self.has_class("wide"):
            height = min(room - 2, 24)
        else:
            height = max(CURVE, min(MOST_CURVE, room - 3 - len(pruned.now.layers)))
        self.set_class(not self.has_class("wide") and room < CURVE + 6, "low")
        if curve.styles.height is None or curve.styles.height.value != height:
            curve.styles.height = max(1, height)

    def _read(self, generation: int, stage: str, before: tuple[str, ...], silent: bool) -> None:
        """On a thread: read sizes, and the masks themselves where the run says nothing of them."""
        weights = layer_sizes(self._folder, stage, before)
        stored = stored_masks(self._folder, stage) if silent else None
        self.post_message(self.Read(generation, weights, stored))

    @on(Read)
    def _take(self, message: Read) -> None:
        message.stop()
        if message.generation == self._reads:
            self._weights, self._stored = message.weights or self._weights, message.stored
            self._show()

    def _asked(self, typed: str | None) -> None:
        if typed is None or self._stage is None:
            return
        self._comparisons += 1
        self._typed = typed.strip()
        self.query_one(_Top).say(f"comparing with {self._typed} …" if self._typed else "")
        if not self._typed:
            self._overlap = None
            self._show()
            return
        compare = partial(self._compare, self._comparisons, self._typed, self._stage)
        self.run_worker(compare, thread=True, group="overlap", exit_on_error=False)

    def _compare(self, generation: int, typed: str, stage: str) -> None:
        """On a thread: find the other run and compare."""
        from core.runs.log import RunLog
        from core.runs.query import resolve

        other, found, problem = typed, None, ""
        try:
            folder = RunFolder.open(self._folder.home, resolve(RunLog(self._folder.home), typed))
            other = folder.record().name
            if folder.id == self._folder.id:
                raise InputError("that is this run itself; name another one")
            found = compare(self._folder, folder, stage)
        except InputError as error:
            problem = str(error)
        except OSError as error:
            problem = f"the runs cannot be read ({error})"
        self.post_message(self.Compared(generation, other, found, problem))

    @on(Compared)
    def _compared(self, message: Compared) -> None:
        message.stop()
        if message.generation != self._comparisons:
            return
        self.query_one(_Top).say(message.problem, wrong=bool(message.problem))
        self._overlap = (message.other, message.found) if message.found is not None else None
        self._show()
