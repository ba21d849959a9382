"""The time of the fault suite, its verdict, and whole runs to compare with."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from core.runs.folder import RunFolder
from core.runs.home import Home
from tests.threads import one_thread  # noqa: F401  # for every test here

Tried = Counter[str]


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Another sequence for each test; $CHAOS_SEED changes all of them."""
    return random.Random(f"{os.environ.get('CHAOS_SEED', 0)} {request.node.name}")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Recipe → a run that nobody interrupted, in a home of its own; the runs to attack can be forked from it."""
    from tests.chaos.lab import finished

    made: dict[str, RunFolder] = {}

    def of(recipe: str) -> RunFolder:
        if recipe != "erm":
            of("erm")
        if recipe not in made:
            made[recipe] = finished(Home.open(tmp_path_factory.mktemp(recipe) / "home"), recipe)
        return made[recipe]

    return of


@pytest.fixture
def tried(record_property: Any) -> Iterator[Tried]:
    """Counts faults by what they are, for the verdict."""
    counted: Tried = Counter()
    yield counted
    record_property("faults", dict(counted))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the verdict: what was tried, how often, and what was lost."""
    total: Tried = Counter()
    failed = []
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if not isinstance(report, pytest.TestReport) or "tests/chaos/" not in report.nodeid:
            continue
        if report.when == "teardown":
            total.update(dict(report.user_properties).get("faults", {}))
        if report.failed:
            failed.append(report.nodeid.partition("::")[2])
    if not total and not failed:
        return
    terminalreporter.section("faults")
    for what, number in total.items():
        terminalreporter.write_line(f"{number:7,}  {what}")
    for name in failed:
        terminalreporter.write_line(f"   lost  {name}")
    lost = f"{len(failed)} promises were broken" if failed else "nothing was lost"
    terminalreporter.write_line(f"{total.total():7,}  in all: {lost}")
