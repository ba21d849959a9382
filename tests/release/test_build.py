"""The wheel is built where only the build requirements are: manual and completion need no other package."""

import subprocess
import sys
import tomllib
from pathlib import Path

HOUSE = Path(__file__).parents[2]
THERE = (
    *(
        "typer",
        "click",
        "rich",
        "shellingham",
        "markdown_it",
        "mdurl",
        "pygments",
        "typing_extensions",
        "annotated_doc",
    ),
    *("core", "experiments", "prusc_tui", "release"),
)
"""What `pip install typer` brings, and the project itself."""
BUILD = f"""
import sys

class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {THERE!r}:
            raise ModuleNotFoundError(f"No module named {{top!r}}", name=top)

sys.meta_path.insert(0, Only())
from release import completion, man
from release.commands import command_line, screen
print(man.page(command_line(), "1", also="prusc-tui", status=man.EXIT_STATUS))
print(man.page([screen()], "1", also="prusc"))
print(*dict(completion.scripts()))
"""


def test_manual_and_completion_are_made_with_nothing_but_the_requirements_of_the_build():
    hook = tomllib.loads((HOUSE / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["hooks"]["custom"]
    assert [requirement.partition(">")[0] for requirement in hook["dependencies"]] == ["typer"]
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "prusc run" in done.stdout
