"""The masks of a run: sparsity by layer, accuracy against sparsity, overlap with another run."""

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from core.errors import InputError
from core.events import Sparsity
from core.feed.snapshot import Snapshot
from core.results.overlap import Overlap
from core.runs.folder import RunFolder
from core.runs.record import ACTIVE
from prusc_tui.keys import bindings, motions
from prusc_tui.report.spark import stage_in_view
from prusc_tui.views.masks import VIEW
from prusc_tui.views.masks.layers import Pruned, heads, rows, top
from prusc_tui.views.masks.stored import STAGE, compare, layer_sizes, stored_masks
from prusc_tui.views.masks.trade_off import trade_off, trade_off_of
from prusc_tui.widgets.panel import Panel, Reading, Scroll
from prusc_tui.widgets.picture import Picture

WIDE = 116  # width from which the curve is beside the layers
CURVE, MOST_CURVE = 8, 20  # lines of the curve: at least, and at most above the layers
DONE = ("done", "reused")


class MasksPanel(Panel, can_focus=True):
    """The masks of a run."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(VIEW.keys), *motions()]
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

    def __init__(self) -> None:
        super().__init__(classes="empty")
        self._by_ratio = False
        self._weights: dict[str, int] = {}
        self._stored: Sparsity | None = None
        self._overlap: tuple[str, Overlap] | None = None
        self._typed = ""
        self._note = "", False
        self._read_for: tuple[str, bool] | None = None
        self._reading = Reading(self, self._take)
        self._comparison = Reading(self, self._compared)

    def compose(self) -> ComposeResult:
        yield Picture(id="top")
        with Vertical(id="below"):
            with Vertical(id="list"):
                yield Picture(id="heads")
                with Scroll():
                    yield Picture(id="rows")
            yield Picture(id="curve")

    def on_resize(self) -> None:
        wide = self.outer_size.width >= WIDE
        self.set_class(wide, "wide")
        # The curve is right of the layers, or above them.
        below, layers, curve = (self.query_one(name) for name in ("#below", "#list", "#curve"))
        if wide:
            below.move_child(curve, after=layers)
        else:
            below.move_child(curve, before=layers)
        self.call_after_refresh(self._fit)

    def action_order(self) -> None:
        self._by_ratio = not self._by_ratio
        self._show_again()

    def action_overlap(self) -> None:
        if self._stage is not None:
            from prusc_tui.widgets.dialogs import LineScreen

            hint = "name, id or last; empty removes the overlap"
            asked = LineScreen("Compare the masks with which run?", self._typed, hint)
            self.app.push_screen(asked, self._asked)

    def action_move(self, by: int) -> None:
        self.query_one(Scroll).scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.query_one(Scroll).size.height - 1))

    def action_first(self) -> None:
        self.query_one(Scroll).scroll_home(animate=False)

    def action_last(self) -> None:
        self.query_one(Scroll).scroll_end(animate=False)

    @property
    def _stage(self) -> str | None:
        """The pruning stage in view: the last to report, else one with stored masks."""
        if self.snapshot is None:
            return None
        return stage_in_view(self.snapshot, self.snapshot.sparsity) or next(
            (s.name for s in self.snapshot.stages if s.state == "reused" and s.keep_ratio is not None), None
        )

    @property
    def pruned(self) -> Pruned | None:
        stage = self._stage
        if stage is None or self.snapshot is None:
            return None
        states = self.snapshot.mask_states.get(stage) or ((self._stored,) if self._stored is not None else ())
        other, found = self._overlap or ("", None)
        return Pruned(states, self._weights, other, found) if states else None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        stage = self._stage
        done = any(view.name == stage and view.state in DONE for view in snapshot.stages)
        if stage is not None and (stage, done) != self._read_for:
            self._read_for = stage, done
            names = [view.name for view in snapshot.stages]
            silent = stage not in snapshot.sparsity
            self._reading.ask(partial(self._read, stage, tuple(names[: names.index(stage)]), silent))
        pruned = self.pruned
        self.set_class(pruned is None, "empty")
        parts = pruned, done or snapshot.status != "running", self._nothing, *self._note
        self._picture("top").show(parts, lambda w, _, p: top(*parts, w, p))
        by_ratio = self._by_ratio
        self._picture("heads").show((pruned, by_ratio), lambda w, _, p: heads(pruned, by_ratio, w, p))
        self._picture("rows").show(
            (pruned, by_ratio), lambda w, _, p: rows(pruned.layers(by_ratio), w, p) if pruned else []
        )
        if pruned is not None and stage is not None:
            bought = trade_off_of(snapshot, stage)
            self._picture("curve").show(bought, partial(trade_off, bought))
        self.call_after_refresh(self._fit)

    @property
    def _nothing(self) -> str:
        if self._stage is not None:
            return "reading the masks …"
        snapshot = self.snapshot
        if snapshot is None or not snapshot.stages:
            return "reading …"
        if all(view.name != STAGE for view in snapshot.stages):
            return "Nothing is pruned in this run: its recipe has no pruning stage."
        if snapshot.status in ACTIVE:
            return "Nothing is pruned yet. Masks appear once the pruning stage reports."
        return f"There are no masks: the run is {snapshot.status} and reported none."

    def _fit(self) -> None:
        """Give the curve the height that the layers leave."""
        if (pruned := self.pruned) is None:
            return
        room = self.size.height - self._picture("top").size.height
        curve = self._picture("curve")
        if self.has_class("wide"):
            height = min(room - 2, 24)
        else:
            height = max(CURVE, min(MOST_CURVE, room - 3 - len(pruned.now.layers)))
        self.set_class(not self.has_class("wide") and room < CURVE + 6, "low")
        if curve.styles.height is None or curve.styles.height.value != height:
            curve.styles.height = max(1, height)

    def _read(self, stage: str, before: tuple[str, ...], silent: bool) -> tuple[dict[str, int], Sparsity | None]:
        """On a thread: read sizes, and the masks if the run reported none."""
        return layer_sizes(self.folder, stage, before), stored_masks(self.folder, stage) if silent else None

    def _take(self, found: tuple[dict[str, int], Sparsity | None]) -> None:
        self._weights, self._stored = found[0] or self._weights, found[1]
        self._show_again()

    def _asked(self, typed: str | None) -> None:
        if typed is None or self._stage is None:
            return
        self._typed = typed.strip()
        self._note = f"comparing with {self._typed} …" if self._typed else "", False
        if self._typed:
            self._comparison.ask(partial(self._compare, self._typed, self._stage))
        else:
            self._comparison.forget()
            self._overlap = None
        self._show_again()

    def _compare(self, typed: str, stage: str) -> tuple[str, Overlap] | str:
        """On a thread: find the other run and compare, or say why that failed."""
        from core.runs.log import RunLog
        from core.runs.query import resolve

        try:
            folder = RunFolder.open(self.folder.home, resolve(RunLog(self.folder.home), typed))
            if folder.id == self.folder.id:
                raise InputError("this is the same run; name another one")
            return folder.record().name, compare(self.folder, folder, stage)
        except InputError as error:
            return str(error)
        except OSError as error:
            return f"the runs cannot be read ({error})"

    def _compared(self, found: tuple[str, Overlap] | str) -> None:
        if isinstance(found, str):
            self._note, self._overlap = (found, True), None
        else:
            self._note, self._overlap = ("", False), found
        self._show_again()

    def _show_again(self) -> None:
        if self.snapshot is not None:
            self.show_snapshot(self.snapshot)
