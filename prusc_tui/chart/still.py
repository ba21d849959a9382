"""A chart as lines of text, without interaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.text import Text

from prusc_tui.chart.braille import runs
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import Frame, Settings, build
from prusc_tui.chart.rows import Plan, picture, plan, styles
from prusc_tui.chart.smooth import SmoothCache
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, ink


@dataclass(frozen=True, slots=True)
class Still:
    """A chart that can be drawn at any size."""

    title: str
    curves: Sequence[Curve]
    settings: Settings
    _cache: SmoothCache = field(default_factory=SmoothCache)

    def gutter(self, width: int, height: int) -> int:
        """Cells of the labels of its y axis."""
        return self._framed(width, height)[1].label_width

    def drawn(self, width: int, height: int, palette: Palette) -> list[Text]:
        """Title, legend, plot and axis as `height` lines of `width` cells."""
        layout, frame = self._framed(width, height)
        rows = picture(frame, layout, self.curves, self.settings, self.title, self._cache)
        by_ink = styles(palette)
        lines = []
        for row in rows:
            line = ink("")
            for text, colour in runs(*row):
                line.append(text, by_ink[colour])
            lines.append(fit(line, width))
        return lines

    def _framed(self, width: int, height: int) -> tuple[Plan, Frame]:
        layout = plan(self.curves, self.settings, self.title, width, height)
        return layout, build(self.curves, self.settings, width, layout.plot, self._cache)
