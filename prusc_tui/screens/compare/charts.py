"""The curves of several runs in one chart for each quantity."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from core.results.settings import merged
from prusc_tui.chart.axes import XMode
from prusc_tui.chart.curves import Plot
from prusc_tui.chart.lines import ACCURACY, SPARSITY, Key, Line, Lines
from prusc_tui.screens.compare.together import Seen
from prusc_tui.tables.comparison import run_title
from prusc_tui.views.charts.panel import ChartsPanel
from prusc_tui.views.charts.picker import Picker

RunLines = tuple[str, str, Mapping[Key, Line]]
"""Id, title and lines of a run."""


class CompareCharts(ChartsPanel):
    """One chart for each number, one curve for each run, with its colour and mark in all charts."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Seen | None = None
        self._stage: str | None = None
        self._sources: dict[str, Lines] = {}
        self._runs: list[RunLines] = []

    def take(self, seen: Seen, stage: str | None) -> None:
        """Update the charts, with the lines of one stage by default, or of all; cheap if no series changed."""
        if seen is self._seen and stage == self._stage:
            return
        self._seen, self._stage = seen, stage
        self._runs = []
        for snapshot in seen.snapshots:
            record = snapshot.record
            source = self._sources.setdefault(record.id, Lines())
            self._runs.append((record.id, run_title(record), source.update(snapshot)))
        keys = merged([list(lines) for _, _, lines in self._runs])
        self._lines = {
            key: max((lines[key] for _, _, lines in self._runs if key in lines), key=lambda line: len(line.steps))
            for key in keys
        }
        self._give()

    @property
    def chosen(self) -> list[Key]:
        return super().chosen if self._picked is not None else usual(self._lines, self._stage)

    def _give(self) -> None:
        chosen = self.chosen
        self.query_one(Picker).show(list(self._lines), chosen, self._picked is None)
        self.show_plots(overlaid(self._runs, chosen, self.mode))


def overlaid(runs: Sequence[RunLines], chosen: Collection[Key], mode: XMode) -> list[Plot]:
    """A chart for each chosen line, with a curve for each run that has it."""
    plots = []
    for key in chosen:
        found = [(number, run, lines[key]) for number, (run, _, lines) in enumerate(runs) if key in lines]
        curves = tuple(
            replace(line.curve(runs[number][1], mode, number), key=(run, key)) for number, run, line in found
        )
        stage, name = key
        unit = found[0][2].unit
        title = f"{stage}: {name} %" if unit else f"{stage}: {name}"
        plots.append(Plot(key, title, unit, stage, curves))
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
