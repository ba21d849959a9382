"""What the figures of benchmarks are, where the truth is known."""

import pytest

from experiments.speed import Figure
from prusc_tui.tables.grid import markdown
from prusc_tui.tables.speed import figures as grid
from tests.bench.timing import Figures, p99, spread


@pytest.fixture
def clock(monkeypatch):
    """A clock that only what is timed moves on."""
    now = [0.0]
    monkeypatch.setattr("tests.bench.timing.perf_counter", lambda: now[0])

    def takes(seconds):
        def work():
            now[0] += seconds

        return work

    return takes


def test_a_ratio_is_that_of_the_seconds_and_its_target_is_on_the_ratio(clock):
    kept = []
    found = Figures(kept).ratio("step", clock(0.3), clock(0.2), 5, against="plain", target=1.4)
    assert (found.unit, found.ours, found.baseline) == ("ms", pytest.approx(300), pytest.approx(200))
    assert (found.ratio, found.spread) == (pytest.approx(1.5), pytest.approx(0, abs=1e-12))
    assert found.met is False
    assert kept == [found]


def test_an_exponent_is_that_of_the_power_law(clock):
    found = Figures([]).exponent(
        "sort", lambda n: clock(n**1.5), (10, 20, 80), 3, baseline=lambda n: clock(2 * n), against="one pass"
    )
    assert (found.ours, found.baseline, found.ratio) == (pytest.approx(1.5), pytest.approx(1.0), None)


def test_a_number_keeps_its_unit_and_its_target_is_on_the_number():
    found = Figures([]).number("key", list(range(1, 101)), "ms", baseline=[50.0], target=50, at=p99)
    assert (found.ours, found.ratio) == (pytest.approx(100, abs=0.1), pytest.approx(2, abs=0.01))
    assert found.met is False


def test_the_spread_is_half_of_the_interquartile_range():
    assert spread([1.0]) is None
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == 1.0


def test_the_table_has_a_line_for_each_figure_and_names_the_missed_targets():
    from experiments.speed import Measured

    found = (
        Figure(name="fast", unit="ms", ours=10, baseline=20, against="plain", ratio=0.5, target=1, target_of="ratio"),
        Figure(name="big", unit="MB", ours=90, target=80),
    )
    text = markdown(grid(Measured(machine={"device": "a machine"}, versions={}, figures=found)))
    assert "1 of 2 targets met; missed: big" in text
    assert "a machine" in text
    rows = {row.split("|")[1].strip(): row for row in text.splitlines() if row.startswith("| ")}
    assert "≤ 1 ×" in rows["fast"]
    assert "NO" in rows["big"]
