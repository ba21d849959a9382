"""Paired differences over seeds: interval, test, correction for several comparisons, wins and losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from core.spread import Spread, spread

TESTS = {"t": "paired t test", "wilcoxon": "Wilcoxon's signed-rank test"}
"""Name of a test → its title; both are two-sided."""
LEAST_FOR_WILCOXON = 6
"""Minimum number of differences other than 0 with which Wilcoxon's test can give p < 0.05: 2 / 2⁶ = 0.031."""
CONFIDENCE = 0.95
_DIGITS = 12  # differences of shares are rounded to these, so that float noise neither breaks nor makes a tie


@dataclass(frozen=True, slots=True)
class Verdict:
    """Differences of a method from the baseline on the same seeds, as shares.

    Attributes:
        difference: mean and sample standard deviation of the differences.
        wins: seeds on which the difference is above 0.
        ties: seeds on which both are exactly equal.
        losses: seeds on which it is below 0.
        interval: 95 % interval of the mean difference by Student's t; None without a test.
        p: two-sided p value of the test; None if there are fewer than 2 differences, or all are the same.
        corrected: the same after Holm's correction over all methods compared with this baseline.
    """

    difference: Spread
    wins: int
    ties: int
    losses: int
    interval: tuple[float, float] | None
    p: float | None
    corrected: float | None

    def to_json(self) -> dict[str, Any]:
        return {
            "wins": self.wins,
            "ties": self.ties,
            "losses": self.losses,
            "interval": self.interval,
            "p": self.p,
            "p_holm": self.corrected,
        }


def verdicts(columns: Sequence[Sequence[float]], test: str = "t") -> list[Verdict]:
    """Judge the differences of several methods from one baseline.

    Args:
        columns: for each method its differences, at least one.
        test: of TESTS.
    """
    rounded = [[round(value, _DIGITS) for value in column] for column in columns]
    corrected = holm([p_value(column, test) for column in rounded])
    return [
        Verdict(
            spread(column),
            sum(value > 0 for value in plain),
            sum(value == 0 for value in plain),
            sum(value < 0 for value in plain),
            interval(plain),
            p_value(plain, test),
            p,
        )
        for column, plain, p in zip(columns, rounded, corrected, strict=True)
    ]


def p_value(differences: Sequence[float], test: str = "t") -> float | None:
    """Two-sided p value of the hypothesis that differences are centred at 0.

    The t test is Student's on the differences. Wilcoxon's test (1945) leaves out differences of 0; it is exact for up
    to 13 differences, or 50 if all are unlike in size.

    Returns:
        None if there are fewer than 2 differences, or all are the same, so that there is no spread to judge by.
    """
    if not _varies(differences):
        return None
    if test == "wilcoxon":
        from scipy.stats import wilcoxon

        return float(wilcoxon(differences).pvalue)
    from scipy.special import stdtr  # a fraction of the start-up time of scipy.stats

    known = spread(differences)
    assert known.se is not None
    return float(2 * stdtr(known.n - 1, -abs(known.mean) / known.se))


def interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean difference, mean ± t(0.975; n − 1) sd / √n; None where `p_value` gives None."""
    if not _varies(differences):
        return None
    from scipy.special import stdtrit

    known = spread(differences)
    assert known.sd is not None
    half = float(stdtrit(known.n - 1, (1 + CONFIDENCE) / 2)) * known.sd / sqrt(known.n)
    return known.mean - half, known.mean + half


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p values for the number of tests (Holm 1979); a None is no test and does not count.

    With m tests and p₍₁₎ ≤ … ≤ p₍ₘ₎ the corrected k-th is the maximum over j ≤ k of min(1, (m − j + 1) p₍ⱼ₎).
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    out: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for number, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - number) * p))
        out[place] = highest
    return out


def _varies(differences: Sequence[float]) -> bool:
    return len(differences) > 1 and max(differences) - min(differences) > 10**-_DIGITS
