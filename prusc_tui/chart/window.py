"""The window of a chart on its x axis: arithmetic of zooming and panning."""

from math import ceil, floor

from prusc_tui.chart.axes import XMode, clock_steps, steps_of_1_2_5

Window = tuple[float, float]
"""The x at the left and at the right end."""

ZOOM = 1.25  # factor of one notch of the wheel or one key press


def calm_reach(low: float, high: float, mode: XMode) -> Window:
    """The whole range with round ends, so that the picture moves in few jumps while values come in.

    A range that starts near 0 starts at 0; a single point is centred.
    """
    if high <= low:
        half = 0.5 if mode != "time" else 5.0
        return low - half, low + half
    if 0 < low <= high / 10:
        low = 0.0
    least = (high - low) / 20
    unit = next(clock_steps(least) if mode == "time" else steps_of_1_2_5(max(1.0, least) if mode == "step" else least))
    return unit * floor(low / unit + 1e-9), unit * ceil(high / unit - 1e-9)


def zoomed(window: Window, reach: Window, notches: float, at: float, mode: XMode) -> Window | None:
    """Zoom in (`notches` > 0) or out, keeping the x `at` where it is; None once all of the reach is shown."""
    span = window[1] - window[0]
    whole = reach[1] - reach[0]
    least = min(span, max(whole * 1e-4, 4.0 if mode == "step" else 0.0))
    wanted = max(least, span / ZOOM**notches)
    if wanted >= whole * (1 - 1e-9):
        return None
    left = at - (at - window[0]) * wanted / span
    return within((left, left + wanted), reach)


def panned(window: Window, reach: Window, by: float) -> Window:
    """Move the window by `by`, within the reach."""
    return within((window[0] + by, window[1] + by), reach)


def within(window: Window, reach: Window) -> Window:
    """Move a window into the reach, keeping its span if it fits."""
    span = min(window[1] - window[0], reach[1] - reach[0])
    left = max(reach[0], min(window[0], reach[1] - span))
    return left, left + span
