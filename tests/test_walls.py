"""The walls of the house: what must not be imported, seen from a fresh interpreter and from the sources."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
TORCH = {"torch", "torchvision"}
HEAVY = {*TORCH, "sklearn", "pandas", "PIL"}


def says_so(path):
    """Whether a module says of itself that it imports no torch."""
    return "(no torch)" in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def module_of(path):
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__")


TORCH_FREE = [
    *(
        module_of(path)
        for room in ("core", "experiments")
        for path in sorted((HOUSE / room).rglob("*.py"))
        if says_so(path)
    ),
    *(
        module_of(path)
        for room in ("core/runs", "core/feed", "core/results", "experiments/launchers", "experiments/loggers")
        for path in sorted((HOUSE / room).glob("*.py"))
    ),
    "core.groups",
    "core.engine.engine",
    "experiments.actions",
    "experiments.beside",
    "experiments.hosting",
    "experiments.launch",
    "experiments.order",
    "experiments.recipes",
    "prusc_tui.cli.app",
]

LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded_after(code, home):
    """Top-level modules that a fresh interpreter holds after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PRUSC_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_torch_free_half_imports_nothing_heavy(tmp_path):
    code = "; ".join(f"import {module}" for module in TORCH_FREE)
    assert not loaded_after(f"{code}; {LOADED}", tmp_path) & HEAVY


@pytest.mark.parametrize(
    "module",
    [
        "core.events",
        "core.groups",
        "prusc_tui.cli.app",
        "core.feed.feed",
        "prusc_tui.app",
        "prusc_tui.screens.runs.screen",
    ],
)
def test_what_is_read_at_every_start_imports_no_pydantic_either(tmp_path, module):
    assert not loaded_after(f"import {module}; {LOADED}", tmp_path) & {*HEAVY, "pydantic", "numpy"}


@pytest.mark.parametrize(
    ("words", "kept_out"),
    [
        (["--help"], {*HEAVY, "numpy", "pydantic", "tinydb", "textual"}),
        (["--version"], {*HEAVY, "numpy", "pydantic", "tinydb", "textual"}),
        (["ls"], {*HEAVY, "numpy", "textual"}),
        (["recipes"], {*HEAVY, "numpy", "tinydb", "textual"}),
        (["recipes", "show", "prusc"], {*HEAVY, "numpy", "tinydb", "textual"}),
    ],
    ids=["--help", "--version", "ls", "recipes", "recipes show"],  # a set has another order in every process
)
def test_a_command_that_only_looks_loads_only_what_it_needs(tmp_path, words, kept_out):
    code = f"""
import sys
from prusc_tui.cli import main
sys.argv = ["prusc", *{words!r}]
try:
    main()
except SystemExit as left:
    assert not left.code
{LOADED}
"""
    assert not loaded_after(code, tmp_path) & kept_out


def test_only_one_room_knows_cuda():
    """So that a test can put a simulated GPU in its place."""
    asks = re.compile(r"torch\.cuda|pin_memory|pynvml")
    files = [path for package in ("core", "experiments", "prusc_tui") for path in (HOUSE / package).rglob("*.py")]
    found = {str(path.relative_to(HOUSE)) for path in files if asks.search(path.read_text(encoding="utf-8"))}
    assert found == {"core/gpu.py"}


def imports_of(path):
    """Top-level names of all modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute in this house"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("prusc_tui", {*TORCH, "sklearn"}),
        ("experiments", {"prusc_tui", "textual", "typer", "rich"}),
        ("core", {"prusc_tui", "experiments", "textual", "typer", "rich"}),
    ],
)
def test_imports_point_one_way(package, never):
    files = list((HOUSE / package).rglob("*.py"))
    assert len(files) > 5
    wrong = {str(path.relative_to(HOUSE)): sorted(found) for path in files if (found := never & set(imports_of(path)))}
    assert wrong == {}
