"""Several runs side by side: groups as mean ± standard deviation over seeds, curves overlaid, settings that differ."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.widget import Widget

from core.results.compare import SPLITS, split_of
from core.results.settings import merged
from core.runs.folder import RunFolder
from prusc_tui.keys import bindings
from prusc_tui.palette import MARKS, palette_in
from prusc_tui.screens.compare.panels import GroupsPanel, SettingsPanel
from prusc_tui.screens.compare.together import Pairs, Seen, Together, masked, overlaps
from prusc_tui.screens.following import Views
from prusc_tui.tables.comparison import FamilyGrid, grid_of_overlaps, grid_of_settings, grids_of_families
from prusc_tui.tables.grid import Grid, latex, markdown
from prusc_tui.widgets.panel import Reading
from prusc_tui.widgets.tabs import Tab

EVERY = 0.25
"""Seconds between readings of the runs' folders."""


class CompareScreen(Views):
    """Runs side by side, active or not; the first is the reference."""

    BINDINGS = bindings("compare")
    TABS: ClassVar[tuple[Tab, ...]] = (Tab("1", "groups"), Tab("2", "charts"), Tab("3", "config"))

    seen: Seen | None = None

    def __init__(self, folders: Sequence[RunFolder], clock: Callable[[], float] = time.time) -> None:
        super().__init__(Together(folders, clock).look, EVERY, folders[0].path.parent)
        self.stage: str | None = None
        self.everything = False
        self.together = True
        self.unfolded: frozenset[str] = frozenset()
        self._folders = folders
        self._split: str | None = None
        self._masked: tuple[str, ...] = ()
        self._pairs: Pairs = {}
        self._overlapping = Reading(self, self._compared)
        self._tabled: tuple[object, ...] = ()
        self._lost: tuple[str, ...] = ()

    @property
    def split(self) -> str:
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
        await self.show()

    async def action_next_split(self) -> None:
        records = self.seen.records if self.seen else ()
        known = [split for split in SPLITS if any(run.final_evaluation(split) is not None for run in records)]
        if len(known) < 2:
            self.notify(f"only the {self.split} split was evaluated", markup=False)
            return
        self._split = known[(known.index(self.split) + 1) % len(known)]
        await self.show()

    async def action_toggle_all(self) -> None:
        self.everything = not self.everything
        await self.action_view("config")

    async def action_toggle_band(self) -> None:
        """Draw the runs of a family as their mean with a band, or each run for itself."""
        if self.shown == "charts":
            self.together = not self.together
        await self.action_view("charts")
        await self.show()

    def action_copy_markdown(self) -> None:
        self._copy("Markdown", markdown)

    def action_copy_latex(self) -> None:
        self._copy("LaTeX", latex)

    @on(GroupsPanel.Unfolded)
    async def _unfold(self, message: GroupsPanel.Unfolded) -> None:
        self.unfolded ^= {message.family.runs[0].id}
        await self.show()

    async def take(self, state: Seen) -> None:
        for sentence in state.lost:
            if sentence not in self._lost:
                self.notify(sentence, severity="error", markup=False)
        self._lost = state.lost
        await super().take(state)

    async def _compared(self, pairs: Pairs) -> None:
        self._pairs = pairs
        await self.show()

    def build(self, name: str) -> Widget:
        if name == "charts":
            from prusc_tui.screens.compare.charts import CompareCharts

            return CompareCharts()
        return GroupsPanel() if name == "groups" else SettingsPanel()

    async def show(self) -> None:
        self.draw_head()
        front = self.front
        if self.seen is None or front is None:
            return
        if self.shown == "groups":
            what = self.seen.records, self.split, self.stage, self.unfolded
            # Compare by value: most events of an active run do not change results.
            if what != self._tabled:
                self._tabled = what
                await front.show(self.grids, self.unfolded, "no run has been evaluated yet")
        elif self.shown == "config":
            front.show(self.seen.records, self.everything, grid_of_overlaps(self.seen.records, self._pairs))
            self._compare_masks(self.seen)
        else:
            front.take(self.seen, self.stage, self.together)

    def _compare_masks(self, seen: Seen) -> None:
        """Compare masks, again when another run has stored its own."""
        ids = masked(seen.records)
        if len(ids) > 1 and ids != self._masked:
            self._masked = ids
            folders = [folder for folder in self._folders if folder.id in ids]
            self._overlapping.ask(partial(overlaps, folders))

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

    def head(self) -> Text:
        seen, palette = self.seen or Seen((), ()), palette_in(self.app)
        count, families = len(seen.records), len(seen.families)
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append("Compare", f"bold {palette.text}")
        runs = f"  {count} runs" if count != 1 else "  1 run"
        head.append(runs if families == count else f"{runs}, {families} settings", palette.text)
        head.append(f"  {self.split} split · {f'after {self.stage}' if self.stage else 'final'}", palette.muted)
        for status in ("running", "queued", "stopped", "failed", "lost"):
            if many := sum(run.status == status for run in seen.records):
                head.append(f"  {MARKS[status]} {many} {status}", palette.of_state(status))
        return head
