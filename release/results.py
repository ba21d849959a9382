"""Renew the tables of docs/results.md from the run log: `make results`, with $PRUSC_HOME where the runs are.

A block of the page begins with a comment that is a command, such as `<!-- prusc table waterbirds --full -->`, and ends
with `<!-- end -->`; between them is what the command prints.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "results.md"
BLOCK = re.compile(r"^<!-- prusc (?P<words>[^\n]*) -->\n.*?^<!-- end -->$", re.M | re.S)


def renewed(text: str, answer: Callable[[str], str]) -> str:
    """The page with the answers of now; `answer` takes the words of a command after `prusc`."""

    def block(found: re.Match[str]) -> str:
        return f"<!-- prusc {found['words']} -->\n\n{answer(found['words']).strip()}\n\n<!-- end -->"

    return BLOCK.sub(block, text)


def ask(words: str) -> str:
    """What `prusc` prints; raises CalledProcessError if it fails, after it has said why."""
    command = [sys.executable, "-m", "prusc_tui", *shlex.split(words)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), ask), encoding="utf-8")
