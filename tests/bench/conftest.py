"""What benchmarks measure goes into one table at the end, and into one file: `PRUSC_BENCH`, or bench/ of the tree."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from experiments.speed import Figure, Measured
from tests.bench.timing import Figures

HOUSE = Path(__file__).parent.parent.parent
KEPT = pytest.StashKey[list[Figure]]()
LIBRARIES = ("prusc-tui", "torch", "numpy", "scikit-learn", "textual", "rich", "tinydb", "orjson")


@pytest.fixture
def figures(request) -> Figures:
    """Figures of short forms are no measurements, so they are not kept."""
    full = request.node.get_closest_marker("bench") is not None
    return Figures(request.config.stash.setdefault(KEPT, []) if full else [])


@pytest.fixture(autouse=True)
def forked_in_short_forms(request) -> None:
    """A short form measures nothing, so the programs that it starts need not begin from nothing."""
    if request.node.get_closest_marker("bench") is None:
        request.getfixturevalue("at_once")


def pytest_terminal_summary(terminalreporter, config) -> None:
    if not (found := config.stash.get(KEPT, [])):
        return
    from rich.text import Text

    from prusc_tui.tables.speed import figures
    from prusc_tui.tables.text import parts, printed
    from prusc_tui.words import console

    measured = Measured(machine=machine(), versions=versions(), figures=tuple(found))
    path = Path(os.environ.get("PRUSC_BENCH") or HOUSE / "bench" / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json")
    measured.write(path)
    grid, out = figures(measured), console()
    terminalreporter.section("figures")
    out.print(Text(grid.about))
    for part in parts(grid, out.width):
        out.print()
        out.print(printed(part))
    for note in (*grid.notes, f"written to {path}"):
        out.print(Text(note))


def machine() -> dict[str, str]:
    """The processor, the memory, and how busy others keep it."""
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "device": f"{model or platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(),
        "load": f"load {os.getloadavg()[2]:.1f} over the last 15 minutes",
        **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}),
    }


def versions() -> dict[str, str]:
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    commit = {"commit": git.stdout.strip()} if git.returncode == 0 else {}
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}, **commit}
