"""The time of the fault suite: each attack at random has a share of it, and a short form that takes a moment."""

import os
import time
from collections.abc import Iterator

import pytest

SECONDS = float(os.environ.get("CHAOS_SECONDS", "560"))
"""What the suite may take; no attack begins after its end."""
PLANNED = 560.0
"""Seconds that the shares of all tests were chosen for."""
_BEGUN = time.monotonic()


def forms(short: float, full: float) -> pytest.MarkDecorator:
    """Give an attack two forms by its seconds: the short one is a test like any other, the full one is chaos."""
    return pytest.mark.parametrize(
        "seconds",
        [pytest.param(short, id="short"), pytest.param(full, id="full", marks=pytest.mark.chaos)],
    )


def rounds(seconds: float, least: int = 1) -> Iterator[int]:
    """Count attacks until a share of the time is over, and make `least` of them in any case."""
    end = min(time.monotonic() + seconds * SECONDS / PLANNED, _BEGUN + SECONDS)
    number = 0
    while number < least or time.monotonic() < end:
        yield number
        number += 1
