"""What drawing charts costs, against Rich drawing as much plain text."""

import io
import math
import random
from array import array

from rich.console import Console
from rich.text import Text

from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import Settings, build
from prusc_tui.chart.rows import picture, plan
from tests.bench.timing import forms

WIDTH, HEIGHT = 120, 40


def curves(count, points):
    draws = random.Random(0)
    x = array("d", range(points))
    return [
        Curve(f"curve {k}", x, array("d", (2 * math.exp(-3 * i / points) + k + draws.gauss(0, 0.1) for i in x)), k, k)
        for k in range(count)
    ]


@forms(
    "count, points, smoothing, repetitions",
    short=[(1, 1_000, 0.0, 1), (4, 1_000, 0.9, 1)],
    full=[(1, 1_000, 0.0, 25), (1, 10_000, 0.0, 25), (4, 10_000, 0.0, 25), (4, 10_000, 0.9, 25), (1, 100_000, 0.0, 25)],
)
def test_a_full_redraw_against_rich_text(count, points, smoothing, repetitions, figures):
    shown, settings, cache = curves(count, points), Settings(smoothing=smoothing), CurveCache()

    def chart():
        where = plan(shown, settings, "loss", WIDTH, HEIGHT)
        frame = build(shown, settings, where.width, where.plot, cache)
        return picture(frame, where, shown, settings, title="loss", cache=cache)

    console = Console(file=io.StringIO(), width=WIDTH, force_terminal=True)
    text = Text("\n".join(row for row, _ in chart()), "cyan")

    def bare():
        return console.render_lines(text)

    name = f"chart of {count} × {points:,} points{', smoothed' if smoothing else ''}"
    figures.ratio(name, chart, bare, repetitions, against="Rich text of that size")


@forms("points, repetitions", short=[(1_000, 1)], full=[(10_000, 25)])
def test_moving_the_cursor_against_rich_text(points, repetitions, figures):
    shown, settings, cache = curves(4, points), Settings(), CurveCache()
    where = plan(shown, settings, "loss", WIDTH, HEIGHT)
    frame = build(shown, settings, where.width, where.plot, cache)
    console = Console(file=io.StringIO(), width=WIDTH, force_terminal=True)

    def chart():
        return picture(frame, where, shown, settings, title="loss", cache=cache, cursor=points / 2)

    text = Text("\n".join(row for row, _ in chart()), "cyan")
    name = f"move of the cursor over 4 × {points:,} points"
    figures.ratio(name, chart, lambda: console.render_lines(text), repetitions, against="Rich text of that size")
