"""Consistent formatting of numbers (no torch)."""

import math
from collections.abc import Sequence

from core.spread import Spread
from core.spread import spread as spread_of


def percent(share: float | None) -> str:
    """Share in [0, 1] as per cent with one decimal; a dash if missing."""
    return "–" if share is None or math.isnan(share) else f"{100 * share:.1f}"


def sparsity(keep_ratio: float | None) -> str:
    """Share of weights pruned, in per cent; a dash without masks."""
    return "–" if keep_ratio is None else f"{100 * (1 - keep_ratio):.1f}"


def duration(seconds: float | None) -> str:
    """Seconds as `8 s`, `1:05` or `2:03:10`; a dash if missing."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return clock(whole)


def clock(seconds: int) -> str:
    """Whole seconds as `1:05` or `2:03:10`."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def mean_sd(value: Spread, *, signed: bool = False) -> tuple[str, str]:
    """Mean of shares in per cent, optionally with sign, and deviation as `± 3.4`; empty without deviation."""
    mean = f"{100 * value.mean:{'+' if signed else ''}.1f}".replace("-", "−")
    return mean, "" if value.sd is None else f"± {100 * value.sd:.1f}"


def spread(shares: Sequence[float] | Spread, *, signed: bool = False) -> str:
    """Mean and sample standard deviation of shares in per cent, such as `62.1 ± 3.4`; only the mean for one share."""
    if not isinstance(shares, Spread) and not shares:
        return "–"
    value = shares if isinstance(shares, Spread) else spread_of(shares)
    return "–" if math.isnan(value.mean) else " ".join(filter(None, mean_sd(value, signed=signed)))


def p_text(p: float | None) -> str:
    """A p value to three decimals; a dash if there was no test."""
    return "–" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def seeds(numbers: Sequence[int]) -> str:
    """Seeds in short: `0–4` if they follow one another, else `0, 2, 5`."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[0] + len(numbers))):
        return f"{numbers[0]}–{numbers[-1]}"
    return ", ".join(map(str, numbers))


def span(shares: Sequence[float]) -> str:
    """Minimum and maximum of shares in per cent, such as `58.0–65.9`; a dash if there are none."""
    known = [share for share in shares if not math.isnan(share)]
    return f"{percent(min(known))}–{percent(max(known))}" if known else "–"


def weight(value: float) -> str:
    """Penalty weight in short form: `9,100`, `0.5`."""
    whole = abs(value) >= 1000 or value == round(value)
    return f"{value:,.0f}" if whole and abs(value) < 1e7 else f"{value:.4g}"


def size_of(count: int) -> str:
    """Bytes as `812 B`, `24.0 kB`, `1.2 MB`; powers of 1000."""
    if count < 1000:
        return f"{count} B"
    size, units = float(count), iter(("kB", "MB", "GB", "TB"))
    unit = "B"
    # What would round to 1000.0 is shown in the next unit.
    while size >= 999.95 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.1f} {unit}"
