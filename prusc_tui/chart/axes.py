"""Axes: round bounds, the window of x (zoom and pan), readable ticks, and labels that never touch."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count, pairwise
from math import ceil, floor, inf, log10
from typing import Literal, NamedTuple

from core.words import clock

XMode = Literal["step", "epoch", "time", "kept"]
"""Meaning of x; `kept` is −log₁₀ of the share of weights kept, labelled in per cent."""
Window = tuple[float, float]
"""The x at the left and at the right end."""

ZOOM = 1.25  # factor of one notch of the wheel or one key press
GAP = 2  # minimum number of cells between two labels of the x axis

_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_TINY = 1e-9
_NOTHING = 1e-280
_MINUS = "−"


class Tick(NamedTuple):
    """One tick: its value, position (cells from the left or the top) and label."""

    value: float
    at: int
    label: str


def steps_of_1_2_5(least: float) -> Iterator[float]:
    """Every 1, 2 and 5 times a power of ten that is not below `least` (> 0), rising without end."""
    for exponent in count(floor(log10(least) - _TINY)):
        for digit in (1, 2, 5):
            # Division gives exactly 0.1; a product with 1e-1 would not.
            step = digit * 10**exponent if exponent >= 0 else digit / 10**-exponent
            if step >= least * (1 - _TINY):
                yield float(step)


def clock_steps(least: float) -> Iterator[float]:
    """Steps in seconds that suit a clock: 1-2-5 below a second, whole days from a day on."""
    if least < 1:
        for step in steps_of_1_2_5(least):
            if step >= 1:
                break
            yield step
    yield from (float(step) for step in _CLOCK if step >= least * (1 - _TINY))
    yield from (86400 * step for step in steps_of_1_2_5(max(1.0, least / 86400)) if step > 1)


def multiples(low: float, high: float, step: float) -> list[float]:
    """Multiples of `step` in [low, high], without losing the ends to rounding."""
    first, last = ceil(low / step - _TINY), floor(high / step + _TINY)
    if step < 1:
        # k × 0.1 is not the float of its decimal text; k / 10 is.
        per_unit = 1 / step
        if abs(per_unit - round(per_unit)) < _TINY * per_unit:
            return [k / round(per_unit) for k in range(first, last + 1)]
    return [k * step for k in range(first, last + 1)]


def calm_bounds(low: float, high: float, floor_: float = -inf, ceiling: float = inf) -> tuple[float, float]:
    """Widen a range to round numbers, so that it stays stable while values come in; a single value is centred.

    The range goes below `floor_` or above `ceiling` only if the values do.
    """
    if high - low <= max(_TINY * max(abs(low), abs(high)), _NOTHING):
        half = abs(low) / 10 if abs(low) > _NOTHING else 1.0
        low, high = low - half, high + half
        floor_, ceiling = min(floor_, low + half), max(ceiling, high - half)
    else:
        floor_, ceiling = min(floor_, low), max(ceiling, high)
    unit = next(steps_of_1_2_5((high - low) / 12))
    rounded = unit * floor(low / unit + _TINY), unit * ceil(high / unit - _TINY)
    low, high = max(floor_, rounded[0]), min(ceiling, rounded[1])
    return low, high


def calm_log_bounds(low: float, high: float) -> tuple[float, float]:
    """Widen a range of positive numbers to 1, 2 or 5 times a power of ten; a single value is centred."""
    if high <= low * (1 + _TINY):
        low, high = low / 2, high * 2
    below = max(step for step in _three_decades(low) if step <= low * (1 + _TINY))
    above = min(step for step in _three_decades(high) if step >= high * (1 - _TINY))
    return below, above


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


def number_labels(values: Sequence[float], step: float) -> list[str]:
    """Write ticks that are `step` apart, all with the same number of decimals: `0.25`, `1,500`, `20k`, `2e−5`."""
    greatest = max((abs(v) for v in values), default=0.0)
    decimals = max(0, -floor(log10(step) + _TINY))
    if greatest and (decimals > 5 or greatest >= 1e9):
        digits = max(0, floor(log10(greatest) + _TINY) - floor(log10(step) + _TINY))
        return [_scientific(v, digits) if v else "0" for v in values]
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if greatest >= 10 * size and step >= size / 10:
            return [_signed(f"{v / size:,.{0 if step >= size else 1}f}") + sign if v else "0" for v in values]
    return [_signed(f"{v:,.{decimals}f}") for v in values]


def clock_label(seconds: float, step: float) -> str:
    """Elapsed time as `0:30`, `5:00` or `1:00:00`, with a fraction if ticks are closer than a second."""
    decimals = max(0, -floor(log10(step) + _TINY))
    tenths = round(abs(seconds) * 10**decimals)
    whole, fraction = divmod(tenths, 10**decimals)
    tail = f".{fraction:0{decimals}d}" if decimals else ""
    return f"{_MINUS if seconds < 0 and tenths else ''}{clock(whole)}{tail}"


def x_ticks(low: float, high: float, width: int, mode: XMode) -> list[Tick]:
    """The finest ticks of an x axis of `width` cells whose labels keep `GAP` cells between them.

    `low` and `high` are at the centres of the first and the last column of dots. Steps get whole numbers, times the
    steps of a clock.
    """
    if mode == "kept":
        return _share_ticks(low, high, width)
    span, dots = high - low, 2 * width - 1
    least = span / max(1, width) * (2 + GAP)
    ladder = clock_steps(least) if mode == "time" else steps_of_1_2_5(max(least, 1.0) if mode == "step" else least)
    while True:
        step = next(ladder)
        values = multiples(low, high, step)
        labels = [clock_label(v, step) for v in values] if mode == "time" else number_labels(values, step)
        ticks = [Tick(v, floor((v - low) / span * dots + 0.5) // 2, s) for v, s in zip(values, labels, strict=True)]
        ticks = [tick for tick in ticks if len(tick.label) <= width]
        starts = [label_start(tick, width) for tick in ticks]
        if all(b - a >= len(tick.label) + GAP for (a, b), tick in zip(pairwise(starts), ticks, strict=False)):
            return ticks


def share_label(x: float) -> str:
    """Share whose negative decimal logarithm is x, in per cent."""
    return f"{100 * 10**-x:.3g} %"


def _share_ticks(low: float, high: float, width: int) -> list[Tick]:
    """Ticks at 1, 2 and 5 times powers of ten, or at the powers alone, or at the first only."""
    decades = range(floor(low), ceil(high) + 1)
    for digits in ((1, 2, 5), (1,)):
        values = sorted(x for k in decades for d in digits if low - _TINY <= (x := k - log10(d)) <= high + _TINY)
        ticks = [Tick(x, floor((x - low) / (high - low) * (2 * width - 1) + 0.5) // 2, share_label(x)) for x in values]
        starts = [label_start(tick, width) for tick in ticks]
        if all(b - a >= len(tick.label) + GAP for (a, b), tick in zip(pairwise(starts), ticks, strict=False)):
            return ticks
    return ticks[:1]


def label_start(tick: Tick, width: int) -> int:
    """Cell where the label of an x tick begins: under its tick, moved inwards at the edges."""
    return max(0, min(tick.at - len(tick.label) // 2, width - len(tick.label)))


def y_ticks(low: float, high: float, height: int, *, log: bool = False) -> list[Tick]:
    """The finest ticks of a y axis of `height` cells with room between their rows.

    `low` and `high` are at the centres of the lowest and the highest row of dots. A logarithmic axis has powers of
    ten, with 2 and 5 times them (or all digits) if there is room, and ordinary round numbers if the span is too short.
    """
    to_row = row_of(low, high, height * 4, log=log)

    def placed(values: Sequence[float], labels: Sequence[str]) -> list[Tick]:
        return [Tick(v, height - 1 - to_row(v) // 4, s) for v, s in zip(values, labels, strict=True)]

    def roomy(ticks: Sequence[Tick], apart: int) -> bool:
        return all(a.at - b.at >= apart for a, b in pairwise(ticks))

    if log:
        for values in _log_candidates(low, high):
            ticks = placed(values, [_log_label(v) for v in values])
            if len(ticks) >= 2 and roomy(ticks, 2):
                return ticks
    crowded: list[Tick] = []
    for step in steps_of_1_2_5((high - low) / max(1, height)):
        values = [v for v in multiples(low, high, step) if v > 0 or not log]
        ticks = placed(values, number_labels(values, step))
        # Three rows apart is best; two will do if three leave only a label or two.
        if roomy(ticks, 3):
            return ticks if len(ticks) > 2 or len(crowded) <= len(ticks) else crowded
        if not crowded and roomy(ticks, 2):
            crowded = ticks
    raise AssertionError("steps grow without end")


def row_of(low: float, high: float, rows: int, *, log: bool = False) -> Callable[[float], int]:
    """Map a value to its row of dots, counted from the bottom: `low` is row 0, `high` is row `rows` − 1.

    Rows of values far outside are bounded.
    """
    if log:
        bottom, scale = log10(low), (rows - 1) / (log10(high) - log10(low))
        return lambda value: floor(max(-1e6, min(1e6, (log10(value) - bottom) * scale + 0.5)))
    scale = (rows - 1) / (high - low)
    return lambda value: floor(max(-1e6, min(1e6, (value - low) * scale + 0.5)))


def _log_candidates(low: float, high: float) -> Iterator[list[float]]:
    decades = range(floor(log10(low) - _TINY), ceil(log10(high) + _TINY) + 1)
    for digits in (range(1, 10), (1, 2, 5), (1, 3), (1,)):
        yield [v for k in decades for d in digits if low * (1 - _TINY) <= (v := _power(d, k)) <= high * (1 + _TINY)]
    for every in (2, 3, 5, 10, 20, 50, 100):
        yield [v for k in decades if k % every == 0 and low * (1 - _TINY) <= (v := _power(1, k)) <= high * (1 + _TINY)]


def _log_label(value: float) -> str:
    if 1e-4 <= value < 1e5:
        return f"{value:,.{max(0, -floor(log10(value) + _TINY))}f}"
    return _scientific(value, 0)


def _three_decades(value: float) -> list[float]:
    exponent = floor(log10(value))
    return [_power(d, k) for k in (exponent - 1, exponent, exponent + 1) for d in (1, 2, 5)]


def _power(digit: int, exponent: int) -> float:
    return float(f"{digit}e{exponent}")


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{_signed(mantissa)}e{_MINUS if exponent[0] == '-' else ''}{int(exponent[1:])}"


def _signed(text: str) -> str:
    if text.startswith("-"):
        return text[1:] if not text.strip("-0.,") else _MINUS + text[1:]
    return text
