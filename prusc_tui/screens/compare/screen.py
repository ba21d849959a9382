"""Several runs side by side: groups as mean ± standard deviation over seeds, curves overlaid, settings that differ."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from core.results.compare import SPLITS, split_of
from core.results.settings import merged
from core.runs.folder import RunFolder
from prusc_tui.keys import bindings
from prusc_tui.palette import MARKS, Palette, palette_in
from prusc_tui.screens.compare.overlaps import Pairs, masked, overlaps
from prusc_tui.screens.compare.panels import GroupsPanel, SettingsPanel
from prusc_tui.screens.compare.together import Feed, Seen, Together
from prusc_tui.screens.following import Views
from prusc_tui.tables.comparison import FamilyGrid, grid_of_overlaps, grid_of_settings, grids_of_families
from prusc_tui.tables.grid import Grid, latex, markdown
from prusc_tui.widgets.panel import Reading
from prusc_tui.widgets.poller import Poller
from prusc_tui.widgets.quiet import News
from prusc_tui.widgets.tabs import Tab

EVERY = 0.25
"""Seconds between readings of the runs' folders."""


class CompareScreen(Views):
    """Runs side by side, active or not.

    Args:
        folders: of the runs; the first is the reference.
        clock: returns the seconds since 1970.
        feeds: of the runs; None reads the folders.
    """

    BINDINGS = bindings("compare")
    TABS: ClassVar[tuple[Tab, ...]] = (Tab("1", "groups"), Tab("2", "charts"), Tab("3", "config"))

    @dataclass
    class Looked(News):
        """The runs have new data."""

        seen: Seen

    def __init__(
        self,
        folders: Sequence[RunFolder],
        clock: Callable[[], float] = time.time,
        feeds: Sequence[Feed] | None = None,
    ) -> None:
        super().__init__()
        self.seen: Seen | None = None
        self.stage: str | None = None
        self.everything = False
        self.unfolded: frozenset[str] = frozenset()
        self._folders = folders
        self._split: str | None = None
        self._masked: tuple[str, ...] = ()
        self._pairs: Pairs = {}
        self._overlapping = Reading(self, self._compared)
        self._tabled: tuple[object, ...] = ()
        self._lost: tuple[str, ...] = ()
        together = Together(folders, clock, feeds)
        self._poller = Poller(
            together.look,
            lambda seen: self.post_message(self.Looked(seen)),
            EVERY,
            lambda error: self.post_message(self.Unreadable(f"the runs cannot be read: {error}")),
        )

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_head())

    @property
    def split(self) -> str:
        """The split whose accuracies are shown."""
        return self._split or split_of(self.seen.records if self.seen else ()) or SPLITS[0]

    @property
    def grids(self) -> list[FamilyGrid]:
        if self.seen is None:
            return []
        opened = [family for family in self.seen.families if family.runs[0].id in self.unfolded]
        return grids_of_families(self.seen.families, self.split, self.stage, opened)

    async def action_next_stage(self) -> None:
        """Show results after the next stage: first the last, then each evaluated one."""
        families = self.seen.families if self.seen else ()
        stages = [None, *merged([family.stages for family in families])]
        self.stage = stages[(stages.index(self.stage) + 1) % len(stages)] if self.stage in stages else None
        await self._show()

    async def action_next_split(self) -> None:
        records = self.seen.records if self.seen else ()
        known = [split for split in SPLITS if any(run.final_evaluation(split) is not None for run in records)]
        if len(known) < 2:
            self.notify(f"only the {self.split} split was evaluated", markup=False)
            return
        self._split = known[(known.index(self.split) + 1) % len(known)]
        await self._show()

    async def action_toggle_all(self) -> None:
        self.everything = not self.everything
        await self.action_view("config")

    def action_copy_markdown(self) -> None:
        self._copy("Markdown", markdown)

    def action_copy_latex(self) -> None:
        self._copy("LaTeX", latex)

    @on(GroupsPanel.Unfolded)
    async def _unfold(self, message: GroupsPanel.Unfolded) -> None:
        self.unfolded ^= {message.family.runs[0].id}
        await self._show()

    @on(Looked)
    async def _looked(self, message: Looked) -> None:
        first = self.seen is None
        self.seen = message.seen
        for sentence in message.seen.lost:
            if sentence not in self._lost:
                self.notify(sentence, severity="error", markup=False)
        self._lost = message.seen.lost
        if first:
            await self._bring(self.shown)
        else:
            await self._show()

    async def _compared(self, pairs: Pairs) -> None:
        self._pairs = pairs
        await self._show()

    async def _bring(self, name: str) -> None:
        if self.seen is None:
            return
        switcher = self.query_one(ContentSwitcher)
        if not switcher.query(f"#{name}"):
            await switcher.mount(_view(name))
        switcher.current = name
        await self._show()
        self._give_keys(switcher.get_child_by_id(name))

    async def _show(self) -> None:
        """Update the view in front; it repaints only differences."""
        self._draw_head()
        name = self.query_one(ContentSwitcher).current
        # While the screen closes, the view may be gone.
        front: Any = next(iter(self.query(f"ContentSwitcher > #{name}")), None)
        if self.seen is None or front is None or name == "reading":
            return
        if name == "groups":
            what = self.seen.records, self.split, self.stage, self.unfolded
            # Compare by value: most events of an active run do not change results.
            if what != self._tabled:
                self._tabled = what
                await front.show(self.grids, self.unfolded, "no run has been evaluated yet")
        elif name == "config":
            front.show(self.seen.records, self.everything, grid_of_overlaps(self.seen.records, self._pairs))
            self._compare_masks(self.seen)
        else:
            front.take(self.seen, self.stage)

    def _compare_masks(self, seen: Seen) -> None:
        """Compare masks, again when another run has stored its own."""
        ids = masked(seen.records)
        if len(ids) > 1 and ids != self._masked:
            self._masked = ids
            folders = [folder for folder in self._folders if folder.id in ids]
            self._overlapping.ask(partial(overlaps, folders))

    def _draw_head(self) -> None:
        if self.seen is not None:
            head = _head(self.seen, self.split, self.stage, palette_in(self.app))
            line = self.query_one("#head", Static)
            if line.content != head or line.content.spans != head.spans:  # type: ignore[union-attr]
                line.update(head)

    def _copy(self, kind: str, write: Callable[[Grid], str]) -> None:
        if self.seen is None:
            return
        grids = [one.grid for one in self.grids]
        if self.shown == "config":
            shown = grid_of_settings(self.seen.records, everything=self.everything)
            grids = [shown] if shown is not None else []
        if not grids:
            self.notify("no table to copy yet", severity="warning", markup=False)
            return
        text = "\n".join(write(grid) for grid in grids)
        self.app.copy_to_clipboard(text)
        lines = text.splitlines()
        self.notify(f"{lines[0][:60]}…", title=f"{len(lines)} lines of {kind} copied", markup=False)


def _view(name: str) -> Widget:
    if name == "charts":
        from prusc_tui.screens.compare.charts import CompareCharts

        return CompareCharts(id=name)
    return GroupsPanel(id=name) if name == "groups" else SettingsPanel(id=name)


def _head(seen: Seen, split: str, stage: str | None, palette: Palette) -> Text:
    count, families = len(seen.records), len(seen.families)
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append("Compare", f"bold {palette.text}")
    runs = f"  {count} runs" if count != 1 else "  1 run"
    head.append(runs if families == count else f"{runs}, {families} settings", palette.text)
    facts = f"  {split} split · " + (f"after {stage}" if stage else "final")
    head.append(facts, palette.muted)
    for status in ("running", "queued", "stopped", "failed", "lost"):
        many = sum(run.status == status for run in seen.records)
        if many:
            head.append(f"  {MARKS[status]} {many} {status}", palette.of_state(status))
    return head
