"""The curves of several runs in one chart for each quantity."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from core.results.compare import Family
from core.results.settings import merged
from core.runs.text import safe_text
from prusc_tui.chart.axes import XMode
from prusc_tui.chart.curves import Curve, Plot
from prusc_tui.chart.lines import ACCURACY, SPARSITY, Key, Line, Lines
from prusc_tui.chart.means import mean_curve
from prusc_tui.screens.compare.together import Seen
from prusc_tui.tables.comparison import run_title
from prusc_tui.views.charts.panel import ChartsPanel
from prusc_tui.views.charts.picker import Picker

RunLines = Mapping[str, Mapping[Key, Line]]
"""Id of a run → its lines."""


class Strand(NamedTuple):
    """What has a colour and a mark of its own in all charts: one run, or several whose mean is drawn."""

    title: str
    runs: tuple[str, ...]


class CompareCharts(ChartsPanel):
    """One chart for each number, one curve for each run, or one for each family, with its colour in all charts."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: tuple[Seen | None, str | None, bool] = (None, None, True)
        self._stage: str | None = None
        self._sources: dict[str, Lines] = {}
        self._by_run: dict[str, Mapping[Key, Line]] = {}
        self._strands: list[Strand] = []
        self._means: dict[Hashable, Curve] = {}

    def take(self, seen: Seen, stage: str | None, together: bool) -> None:
        """Update the charts; cheap if no series changed.

        Args:
            seen: the runs.
            stage: whose lines are shown by default; None for all.
            together: draw the finished runs of a family as their mean with a band.
        """
        if (seen, stage, together) == self._taken:
            return
        self._taken, self._stage = (seen, stage, together), stage
        self._by_run = {}
        for snapshot in seen.snapshots:
            source = self._sources.setdefault(snapshot.record.id, Lines())
            self._by_run[snapshot.record.id] = source.update(snapshot)
        self._strands = strands(seen, together)
        keys = merged([list(lines) for lines in self._by_run.values()])
        self._lines = {
            key: max((lines[key] for lines in self._by_run.values() if key in lines), key=lambda line: len(line.steps))
            for key in keys
        }
        self._give()

    @property
    def chosen(self) -> list[Key]:
        return super().chosen if self._picked is not None else usual(self._lines, self._stage)

    def _give(self) -> None:
        chosen = self.chosen
        self.query_one(Picker).show(list(self._lines), chosen, self._picked is None)
        self.show_plots(overlaid(self._by_run, self._strands, chosen, self.mode, self._means))


def strands(seen: Seen, together: bool) -> list[Strand]:
    """One for each run; if `together`, one for all finished runs of a family, and one for each of its other runs."""
    alone = [Strand(safe_text(run_title(run)), (run.id,)) for run in seen.records]
    if not together:
        return alone
    means = {run: strand for family in seen.families if (strand := _mean_of(family)) for run in strand.runs}
    return list(dict.fromkeys(means.get(strand.runs[0], strand) for strand in alone))


def _mean_of(family: Family) -> Strand | None:
    """The newest finished run of each seed; None if there are not several."""
    newest = {run.seed: run.id for run in family.runs if run.status == "finished"}
    return Strand(family.label, tuple(newest.values())) if len(newest) > 1 else None


def overlaid(
    lines: RunLines, strands: Sequence[Strand], chosen: Collection[Key], mode: XMode, known: dict[Hashable, Curve]
) -> list[Plot]:
    """A chart for each chosen line, with a curve for each strand that has it; `known` keeps the means."""
    plots = []
    for key in chosen:
        curves = []
        for number, strand in enumerate(strands):
            own = [(run, lines[run][key]) for run in strand.runs if key in lines.get(run, {})]
            if len(own) == 1:
                run, line = own[0]
                curves.append(replace(line.curve(strand.title, mode, number), key=(run, key)))
            elif own:
                size = mode, number, strand, key, *(len(line.steps) for _, line in own)
                if size not in known:
                    title = f"{strand.title} ({len(own)} seeds)"
                    each = [line.curve("", mode, number) for _, line in own]
                    known[size] = mean_curve(each, title, number, (strand.runs, key))
                curves.append(known[size])
        stage, name = key
        unit = next(one[key].unit for one in lines.values() if key in one)
        title = f"{stage}: {name} %" if unit else f"{stage}: {name}"
        if any(curve.band for curve in curves):
            title += ", mean (min–max) over seeds"
        plots.append(Plot(key, title, unit, stage, tuple(curves)))
    return plots


def usual(lines: Mapping[Key, Line], stage: str | None) -> list[Key]:
    """Default order: worst group and average on validation, latest stage first; then losses and others."""
    stages = list(dict.fromkeys(owner for owner, _ in lines))
    wanted = [stage] if stage in stages else stages[::-1]
    keys: list[Key] = []
    for owner in wanted:
        looks = [(owner, f"{split} {what}") for split in ("validation", "test") for what in ("worst group", "average")]
        # A single point is not a curve; it is in the table.
        keys += [key for key in looks if key in lines and len(lines[key].steps) > 1][:2]
        others = [key for key in lines if key[0] == owner and lines[key].quantity not in (ACCURACY, SPARSITY)]
        keys += [key for key in others if key not in keys]
    return keys
